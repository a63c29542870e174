#include "schemas/base.h"

#include "schemas/text.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*  ---------------------------------------------------------------- errors  */

/* clang-format off */
static const struct {
    const char *name;
    const char *text;
    bool transient;
} errors[ERR_COUNT] = {
    [OK] = {"OK", "success", false},
#define X(name, text, retry) [ERR_##name] = {#name, text, retry},
    ERROR_MAP(X)
#undef X
};
/* clang-format on */

const char *
err_name(err_t err)
{
    return errors[err].name;
}

const char *
err_text(err_t err)
{
    return errors[err].text;
}

bool
err_is_transient(err_t err)
{
    return errors[err].transient;
}

err_t
err_named(const char *name)
{
    err_t err = OK;
    while (err < ERR_COUNT && strcmp(errors[err].name, name) != 0)
        err++;
    return err;
}

/*  Names and texts from outside end up in faults: they must not start a second line.  */
static void
keep_to_one_line(char *text)
{
    for (; *text != '\0'; text++)
        if ((unsigned char) *text < ' ' || *text == '\x7f')
            *text = '?';
}

/*  A name cut in the middle of a letter would make the whole text one that nobody accepts.  */
static void
keep_to_utf8(char *text)
{
    if (text_is_clean((bytes_t){(const uint8_t *) text, strlen(text)}))
        return;
    for (; *text != '\0'; text++)
        if (*text & 0x80)
            *text = '?';
}

void
line_format(char *text, size_t room, const char *format, va_list arguments)
{
    vsnprintf(text, room, format, arguments);
    keep_to_one_line(text);
    keep_to_utf8(text);
}

err_t
fault_set(fault_t *fault, err_t err, const char *format, ...)
{
    if (fault == NULL)
        return err;
    va_list arguments;
    va_start(arguments, format);
    fault->err = err;
    line_format(fault->text, sizeof(fault->text), format, arguments);
    va_end(arguments);
    return err;
}

/*  ---------------------------------------------------------------- memory  */

static void *
or_end(void *block)
{
    if (block != NULL)
        return block;
    fputs("out of memory\n", stderr);
    abort();
}

void *
mem_new(size_t size)
{
    return or_end(calloc(1, size > 0 ? size : 1));
}

void *
mem_grow(void *block, size_t size)
{
    return or_end(realloc(block, size > 0 ? size : 1));
}

char *
mem_text(const char *text)
{
    return or_end(strdup(text));
}

PRINTF_LIKE(1, 0) static char *format_text(const char *format, va_list arguments)
{
    char *text = NULL;
    if (vasprintf(&text, format, arguments) < 0)
        text = NULL;
    return or_end(text);
}

char *
mem_format(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = format_text(format, arguments);
    va_end(arguments);
    return text;
}

/*  ---------------------------------------------------------------- buffer  */

enum { FIRST_ROOM = 256 };

static void
make_room(buffer_t *self, size_t size)
{
    size_t room = self->room > 0 ? self->room : FIRST_ROOM;
    while (room - self->size < size)
        room *= 2;
    self->data = mem_grow(self->data, room);
    self->room = room;
}

void
buffer_add(buffer_t *self, const void *data, size_t size)
{
    if (size == 0)
        return;
    if (self->room - self->size < size)
        make_room(self, size);
    memcpy(self->data + self->size, data, size);
    self->size += size;
}

void
buffer_add_text(buffer_t *self, const char *text)
{
    buffer_add(self, text, strlen(text));
}

void
buffer_add_format(buffer_t *self, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *text = format_text(format, arguments);
    va_end(arguments);
    buffer_add_text(self, text);
    free(text);
}

const char *
buffer_text(buffer_t *self)
{
    buffer_add(self, "", 1);
    self->size--;
    return (const char *) self->data;
}

void
buffer_clear(buffer_t *self)
{
    self->size = 0;
}

void
buffer_release(buffer_t *self)
{
    free(self->data);
    *self = (buffer_t){0};
}

bytes_t
buffer_bytes(const buffer_t *self)
{
    return (bytes_t){self->data, self->size};
}
