/* Whether a start's environment is the one that its image was made for. Contract: nb_guards.h. */
#include "nb_guards.h"

#include "nb_early.h"

const char *nb_guards_variable(char **environ, const char *name, size_t n) {
    for (; *environ != NULL; environ++)
        if (nb_early_same(*environ, name, n) && (*environ)[n] == '=')
            return *environ + n + 1;
    return NULL;
}

static const struct nb_image_guard *nb_guards_of(const struct nb_image_header *header) {
    return (const struct nb_image_guard *)((const char *)header + header->guards);
}

static const char *nb_guards_name(const struct nb_image_header *header,
                                  const struct nb_image_guard *guard) {
    return (const char *)header + guard->name;
}

/* One that stands for names of which none may be set that has no guard of its own. */
static bool nb_guards_is_pattern(const struct nb_image_guard *guard) {
    return guard->value_length >= NB_IMAGE_NAME_ANY_CASE && guard->value_length != NB_IMAGE_ABSENT;
}

bool nb_guards_sound(const struct nb_image_header *header) {
    const struct nb_image_guard *guard = nb_guards_of(header);
    for (uint32_t i = 0; i < header->guard_count; i++, guard++) {
        bool has_none = guard->value_length == NB_IMAGE_ABSENT || nb_guards_is_pattern(guard);
        uint64_t value = has_none ? 0 : guard->value_length & ~NB_IMAGE_OR_ABSENT;
        uint64_t end = (uint64_t)guard->name + guard->name_length;
        if (guard->name_length == 0 || end > header->tables_length ||
            guard->value + value > header->tables_length)
            return false;
        for (uint64_t at = guard->name; at < end; at++)
            if (((const char *)header)[at] == '\0' || ((const char *)header)[at] == '=')
                return false; /* no name of a variable; it would be looked for past its end */
    }
    return true;
}

static bool nb_guards_holds(const struct nb_image_header *header,
                            const struct nb_image_guard *guard, char **environ) {
    const char *name = nb_guards_name(header, guard);
    const char *value = nb_guards_variable(environ, name, guard->name_length);
    if (value == NULL)
        return (guard->value_length & NB_IMAGE_OR_ABSENT) != 0; /* or ABSENT itself */
    uint32_t n = guard->value_length & ~NB_IMAGE_OR_ABSENT;
    return guard->value_length != NB_IMAGE_ABSENT && nb_early_length(value) == n &&
           nb_early_same(value, (const char *)header + guard->value, n);
}

static bool nb_guards_has_own(const struct nb_image_header *header, const char *name, size_t n) {
    const struct nb_image_guard *guard = nb_guards_of(header);
    for (uint32_t i = 0; i < header->guard_count; i++, guard++)
        if (guard->name_length == n && !nb_guards_is_pattern(guard) &&
            nb_early_same(nb_guards_name(header, guard), name, n))
            return true;
    return false;
}

/* Of ASCII only, as are the names that Lambda allows. */
static char nb_guards_lower(char c) {
    return c >= 'A' && c <= 'Z' ? (char)(c + ('a' - 'A')) : c;
}

/* Whether a variable, of a name of `n` characters, is one that the pattern stands for. */
static bool nb_guards_matches(const struct nb_image_header *header,
                              const struct nb_image_guard *pattern, const char *variable,
                              size_t n) {
    bool whole = pattern->value_length == NB_IMAGE_NAME_ANY_CASE;
    if (n < pattern->name_length || (whole && n != pattern->name_length))
        return false;
    const char *name = nb_guards_name(header, pattern);
    if (pattern->value_length == NB_IMAGE_PREFIX)
        return nb_early_same(variable, name, pattern->name_length);
    for (uint32_t i = 0; i < pattern->name_length; i++)
        if (nb_guards_lower(variable[i]) != name[i])
            return false;
    return true;
}

/* A variable that the pattern stands for, and that has no guard of its own. */
static const char *nb_guards_unexpected(const struct nb_image_header *header,
                                        const struct nb_image_guard *pattern, char **environ,
                                        size_t *n) {
    for (; *environ != NULL; environ++) {
        for (*n = 0; (*environ)[*n] != '=' && (*environ)[*n] != '\0';)
            ++*n;
        if (nb_guards_matches(header, pattern, *environ, *n) &&
            !nb_guards_has_own(header, *environ, *n))
            return *environ;
    }
    return NULL;
}

/* In the C locale the interpreter turns on its UTF-8 mode (PEP 540), once and for all. */
static const char *nb_guards_locale(char **environ) {
    static const char *const names[] = {"LC_ALL", "LC_CTYPE", "LANG"};
    static const char *const refused[] = {"C", "POSIX"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        const char *value = nb_guards_variable(environ, names[i], nb_early_length(names[i]));
        if (value == NULL || *value == '\0')
            continue;
        for (size_t k = 0; k < sizeof refused / sizeof *refused; k++)
            if (nb_early_same(value, refused[k], nb_early_length(refused[k]) + 1))
                return names[i];
        return NULL;
    }
    return NULL;
}

bool nb_guards_hold(const struct nb_image_header *header, char **environ,
                    struct nb_guards_breach *breach) {
    const struct nb_image_guard *guard = nb_guards_of(header);
    for (uint32_t i = 0; i < header->guard_count; i++, guard++) {
        bool is_pattern = nb_guards_is_pattern(guard);
        size_t n = guard->name_length;
        const char *name = nb_guards_name(header, guard);
        if (is_pattern)
            name = nb_guards_unexpected(header, guard, environ, &n);
        if (is_pattern ? name == NULL : nb_guards_holds(header, guard, environ))
            continue;
        *breach = (struct nb_guards_breach){
            name, n,
            is_pattern || guard->value_length == NB_IMAGE_ABSENT
                ? " is set; when the snapshot was made it was not (build with --env)"
                : " has another value than when the snapshot was made"};
        return false;
    }
    const char *locale = nb_guards_locale(environ);
    if (locale == NULL)
        return true;
    *breach = (struct nb_guards_breach){locale, nb_early_length(locale), " asks for the C locale"};
    return false;
}
