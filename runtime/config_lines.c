#include "runtime/config_lines.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { INDENT = 4 };

static bool
is_end(const char *text)
{
    text += strspn(text, " \t\r\n");
    return *text == '\0' || *text == '#';
}

static const char *
fault_of_value(const char *text)
{
    text += strspn(text, " \t");
    if (*text != '"' && *text != '\'') {
        size_t size = strcspn(text, " \t\r\n#\"'");
        return is_end(text + size) ? NULL : "a value with spaces or quotes stands in quotes";
    }
    const char *end = strchr(text + 1, *text);
    if (end == NULL)
        return "the quote is not closed";
    return is_end(end + 1) ? NULL : "something stands behind the closing quote";
}

/*  NULL if this line can be the next item.  */
static const char *
fault_of_line(const char *line, int *depth)
{
    static const char name_chars[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                     "0123456789_-";
    int spaces = (int) strspn(line, " ");
    if (spaces % INDENT != 0 || spaces / INDENT > *depth + 1)
        return "a section stands at the margin, its keys are indented by four spaces";
    *depth = spaces / INDENT;

    const char *rest = line + spaces;
    size_t size = strspn(rest, name_chars);
    if (size == 0)
        return "a name was expected";
    rest += size;
    rest += strspn(rest, " \t");
    if (*rest == '=')
        return fault_of_value(rest + 1);
    return is_end(rest) ? NULL : "name = value was expected";
}

static err_t
add_line(config_lines_t *self, const char *path, int number, const char *line, fault_t *fault)
{
    if (is_end(line))
        return OK;
    const char *why = fault_of_line(line, &self->depth);
    if (why != NULL)
        return fault_set(fault, ERR_CONFIG, "%s:%d: %s", path, number, why);
    self->numbers = mem_grow(self->numbers, (self->n + 1) * sizeof(*self->numbers));
    self->numbers[self->n++] = number;
    buffer_add_text(&self->text, line);
    return OK;
}

static err_t
read_items(config_lines_t *self, const char *path, FILE *file, fault_t *fault)
{
    char *line = NULL;
    size_t room = 0;
    err_t err = OK;
    self->depth = -1;
    for (int number = 1; err == OK; number++) {
        ssize_t size = getline(&line, &room, file);
        if (size < 0)
            break;
        err = (size_t) size == strlen(line)
                  ? add_line(self, path, number, line, fault)
                  : fault_set(fault, ERR_CONFIG, "%s:%d: this is no text", path, number);
    }
    if (err == OK && ferror(file))
        err = fault_set(fault, ERR_CONFIG, "%s: %s", path, strerrordesc_np(errno));
    free(line);
    return err;
}

err_t
config_lines_read(config_lines_t *self, const char *path, fault_t *fault)
{
    FILE *file = fopen(path, "re");
    if (file == NULL)
        return fault_set(fault, ERR_CONFIG, "%s: %s; `waybill init` writes a config file", path,
                         strerrordesc_np(errno));
    const err_t err = read_items(self, path, file, fault);
    (void) fclose(file);
    return err;
}

void
config_lines_release(config_lines_t *self)
{
    buffer_release(&self->text);
    free(self->numbers);
    *self = (config_lines_t){0};
}
