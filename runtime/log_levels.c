#include "runtime/log_levels.h"

#include <string.h>

static const char *const names[] = {
    [LOG_error] = "error",
    [LOG_warning] = "warning",
    [LOG_info] = "info",
    [LOG_debug] = "debug",
};

const char *
log_level_name(log_level_t level)
{
    return names[level];
}

bool
log_level_named(const char *name, log_level_t *level)
{
    for (size_t i = 0; i < COUNT_OF(names); i++)
        if (strcmp(names[i], name) == 0) {
            *level = (log_level_t) i;
            return true;
        }
    return false;
}

static err_t
complain_of(const char *word, fault_t *fault)
{
    return fault_set(fault, ERR_CONFIG,
                     "log_level: \"%s\" is not error, warning, info or debug, nor ACTOR:LEVEL",
                     word);
}

static err_t
read_exception(log_levels_t *self, const char *word, const char *colon, fault_t *fault)
{
    const size_t size = (size_t) (colon - word);
    log_level_t level;
    if (size == 0 || size > NAME_ROOM || !log_level_named(colon + 1, &level))
        return complain_of(word, fault);
    if (self->n == LOG_LEVELS_NAMED)
        return fault_set(fault, ERR_CONFIG, "log_level: it names more than %d actors",
                         LOG_LEVELS_NAMED);
    memcpy(self->named[self->n].actor, word, size);
    self->named[self->n++].level = level;
    return OK;
}

static err_t
read_word(log_levels_t *self, const char *word, fault_t *fault)
{
    const char *colon = strchr(word, ':');
    if (colon != NULL)
        return read_exception(self, word, colon, fault);
    return log_level_named(word, &self->others) ? OK : complain_of(word, fault);
}

err_t
log_levels_read(log_levels_t *self, const char *text, fault_t *fault)
{
    static const char blanks[] = " \t";
    char word[NAME_ROOM + 20];
    err_t err = OK;
    *self = (log_levels_t){.others = LOG_info};
    for (text += strspn(text, blanks); err == OK && *text; text += strspn(text, blanks)) {
        const size_t size = strcspn(text, blanks);
        const size_t kept = size < sizeof word ? size : sizeof word - 1;
        memcpy(word, text, kept);
        word[kept] = '\0';
        err = read_word(self, word, fault);
        text += size;
    }
    return err;
}

log_level_t
log_levels_of(const log_levels_t *self, const char *actor)
{
    for (size_t i = 0; i < self->n; i++)
        if (strcmp(self->named[i].actor, actor) == 0)
            return self->named[i].level;
    return self->others;
}
