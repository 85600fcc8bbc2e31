/* Pictures of a run while it goes, for event files: held-out samples above what the model makes
 * of them, and in the normalised phase the ends of chains. */
#ifndef TRAIN_GALLERY_H
#define TRAIN_GALLERY_H

#include "io/events.h"
#include "train/step.h"

/* Local, rank 0. With the weights that the stepper has made. Nothing where samples are no
 * images. */
void gallery_add(Events *events, const Stepper *stepper, const Position *at);

#endif
