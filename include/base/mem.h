/* Memory with names. Every long-lived array is made here, before the step loop starts, so that
 * the program can say at start what a rank holds and nothing is allocated between a tile's start
 * and the reduction (contract C5). Arrays are 64-byte aligned and zeroed. Not thread-safe. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

/* Make an array of `count` elements of `size` bytes. Owns: the caller, free with mem_free.
 * Errors: ends the program when there is no memory. `name` must be a string literal. */
void *mem_new(const char *name, size_t count, size_t size);
#define MEM_NEW(type, name, count) ((type *)mem_new(name, (size_t)(count), sizeof(type)))

/* Free an array and clear the pointer to it. */
void mem_free_(void **p);
#define mem_free(pp) mem_free_((void **)(pp))

/* Bytes held now, in all; and the n largest names with their bytes, in one line of text. */
size_t mem_total(void);
void mem_describe(char *text, size_t size, int n);

#endif
