/* Every code point of UTF-8 text is a symbol: an accent that is written apart is one of its own. */
#include "data/tokenizer.h"
#include "data/utf8.h"

static elbow_token next(const char *text, size_t length, size_t at) {
    elbow_token token = {.begin = at};
    uint32_t code = 0;
    if (at == length) return token;
    token.length = elbow_utf8_next(text + at, length - at, &code);
    if (token.length > 0) return token;
    token.length = 1;
    token.wrong = "is not UTF-8";
    return token;
}

const elbow_tokenizer elbow_tokenizer_characters = {
    .name = "characters", .joiner = "", .line = "\n", .next = next};
