/* The environment variables that an image depends on (nb_image.h, "guards"). Before the C library
 * runs. */
#ifndef NB_GUARDS_H
#define NB_GUARDS_H

#include "nb_image.h"

#include <stdbool.h>
#include <stddef.h>

/* Whether every guard has a name, and lies within the tables. */
bool nb_guards_sound(const struct nb_image_header *header);

/* What keeps the image from being used: a variable (its name is not terminated), and the rest of
 * the sentence. */
struct nb_guards_breach {
    const char *name;
    size_t length;
    const char *why;
};

/* The guards are sound. */
bool nb_guards_hold(const struct nb_image_header *header, char **environ,
                    struct nb_guards_breach *breach);

/* The value of a variable in the initial environment; NULL if it is not set. */
const char *nb_guards_variable(char **environ, const char *name, size_t n);

#endif
