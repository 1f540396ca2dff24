#include "math/products.h"

elbow_products_note *elbow_products_watcher = NULL;
static void *watching;

void elbow_products_watch(elbow_products_note *note, void *context) {
    elbow_products_watcher = note;
    watching = context;
}

void elbow_products_tell(const elbow_product *product, bool done) {
    elbow_products_watcher(watching, product, done);
}
