/* Denormals are 0, once that is asked for: here, and in threads that are started afterwards. */
#include "elbow/base/real.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static bool gives_denormals(void) {
    volatile float smallest = 0x1p-126f, denormal = 0x1p-130f;
    volatile float result = smallest * 0.5f, operand = denormal * 0x1p20f;
    return result != 0 || operand != 0;
}

static void *look(void *found) {
    *(bool *)found = gives_denormals();
    return NULL;
}

static bool thread_gives_denormals(void) {
    bool found = false;
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, look, &found), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    return found;
}

static void flushing(void **state) {
    (void)state;
    assert_true(gives_denormals() && thread_gives_denormals());
    bool can = elbow_flush_denormals();
    if (!can) skip();
    assert_false(gives_denormals() || thread_gives_denormals());
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(flushing)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
