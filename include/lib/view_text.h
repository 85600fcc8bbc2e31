/* How a model's training data were seen, from the configuration that the model file holds: the
 * options of data/view.h among the canonical text of app/config.h (two levels, one `key: value` on
 * a line). So the C library can do without YAML and the option table. */
#ifndef LIB_VIEW_TEXT_H
#define LIB_VIEW_TEXT_H

#include "data/view.h"

/* Options that the text does not name keep their defaults. Errors: a view or a value that this
 * version does not know. */
Err view_text_read(ViewOpts *opts, const char *config);

#endif
