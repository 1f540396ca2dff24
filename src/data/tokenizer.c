#include "data/tokenizer.h"

#include "base/family.h"

static const elbow_tokenizer *const tokenizers[] = {
    &elbow_tokenizer_bytes,
    &elbow_tokenizer_characters,
    &elbow_tokenizer_words,
    &elbow_tokenizer_smiles,
};

elbow_status elbow_tokenizer_find(const char *name, const elbow_tokenizer **tokenizer) {
    size_t i = 0;
    *tokenizer = NULL;
    ELBOW_TRY(ELBOW_FAMILY_FIND(tokenizers, "kind of tokens", name, &i));
    *tokenizer = tokenizers[i];
    return ELBOW_OK;
}
