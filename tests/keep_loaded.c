/* In builds with AddressSanitizer: libraries stay loaded, so that a leak in one that Open MPI has
 * opened and closed can be named, and suppressed by name (lsan.supp). */
#include <dlfcn.h>

int dlclose(void *library) { return 0; }
