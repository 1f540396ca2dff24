# elbow encode: codes, probabilities and means, to HDF5 and CSV; the same on any rank count.
# shellcheck source=tests/run/_lib.sh
. "$ELBOW_SOURCE/tests/run/_lib.sh"
synthetic data.h5 2000 1
quiet run launch 0 train "${small[@]}" --set 'model.latent=categorical 4x3, gaussian 2' --set train.epochs=2 --out run
launch 0 encode run -o codes.csv >codes.txt
grep -q 'codes.csv: the latents of 400 test examples' codes.txt || fail 'it does not say what it wrote'
head -n 1 codes.csv | grep -qE '^index(,label)?,latent\.0\.0,.*,latent\.0\.3,latent\.1\.0,latent\.1\.1$' || { head -n 1 codes.csv >&2 && fail 'another header'; }
[ "$(wc -l <codes.csv)" = 401 ] || fail 'not one row an example'
launch 2 encode run -o two.csv >/dev/null
cmp codes.csv two.csv || fail 'it differs on two ranks'
launch 0 encode run --split train -o codes.h5 >/dev/null
launch 3 encode run --split train -o three.h5 >/dev/null
cmp codes.h5 three.h5 || fail 'it differs on three ranks'
launch 0 encode run --draws -o draws.csv >/dev/null
if cmp -s codes.csv draws.csv; then fail 'draws are the most probable codes'; fi
expect_fail 2 'give -o' "${alone[@]}" encode run
expect_fail 2 'give one RUN' "${alone[@]}" encode -o a.csv
expect_fail '1|2' 'no valid split' "${alone[@]}" encode run --split valid -o a.csv
expect_fail 1 'nowhere' "${alone[@]}" encode run -o nowhere/a.h5

# An autoregressive posterior is given its own draws, and the output says so.
quiet chain launch 0 train "${small[@]}" --set 'model.latent=categorical 4x3' --set model.posterior=autoregressive \
    --set train.epochs=1 --out chain
launch 0 encode chain -o chain.csv | grep -q 'depend on draws' || fail 'it does not say that codes depend on draws'
