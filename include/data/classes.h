/* Which classes count as normal, as one number: a class by itself, all of them, or all but one (a
 * held-out digit). */
#ifndef DATA_CLASSES_H
#define DATA_CLASSES_H

#include <stdbool.h>

enum { CLASS_ALL = -1, CLASS_MOST = 127 };

/* Every known class but c. */
static inline int class_but(int c) { return -2 - c; }
/* The class that a choice leaves out; -1: none. */
static inline int class_left_out(int choice) { return choice < CLASS_ALL ? -2 - choice : -1; }

/* Whether rows of class `label` (-1: unknown) are among the chosen. */
static inline bool class_chosen(int choice, int label) {
  if (choice < CLASS_ALL) return label >= 0 && label != class_left_out(choice);
  return choice == CLASS_ALL || label == choice;
}

/* Whether such a row is signal: 0 background, 1 signal, -1 unknown. Where all classes were trained
 * on, class 0 is the background. */
static inline int class_signal(int choice, int label) {
  return label < 0 ? -1 : !class_chosen(choice == CLASS_ALL ? 0 : choice, label);
}

/* "class 1", "all classes", "all classes but 9" */
void classes_text(char text[32], int choice);

#endif
