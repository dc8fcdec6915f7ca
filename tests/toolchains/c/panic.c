#include <assert.h>
#include <stdlib.h>

int main(void) { assert(getenv("TEA") && "out of tea"); }
