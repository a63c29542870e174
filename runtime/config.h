/*  config - settings out of a table: its defaults, a file, single keys.

    The table says which keys there are and where in a struct their values go; what they
    mean is not known here. The file is ZPL, czmq's format: sections at the margin,
    `name = "value"` indented by four spaces below, # begins a comment.  */

#pragma once

#include "schemas/base.h"

#include <stdio.h>

typedef enum config_kind {
    CONFIG_TEXT,   /* const char * */
    CONFIG_NUMBER, /* int64_t */
    CONFIG_FLAG,   /* bool; true, false, 1 or 0 in the file */
    CONFIG_CHOICE, /* const char *, one of some words */
} config_kind_t;

typedef struct config_section {
    const char *name;
    const char *roles; /* words: who reads it */
    const char *summary;
} config_section_t;

typedef struct config_key {
    const char *section;
    const char *name;
    config_kind_t kind;
    const char *preset; /* the default, as in the file but without quotes */
    int64_t low;        /* of a number */
    int64_t high;
    size_t offset; /* of the value in the struct */
    const char *summary;
    const char *choices; /* words, with blanks between them */
} config_key_t;

/*  Two numbers of which the second must be greater.  */
typedef struct config_order {
    const char *smaller; /* "section.name" */
    const char *greater;
} config_order_t;

/*  Keys that an item may have besides those of its table: what they mean, somebody else
    knows.  */
typedef struct config_extra {
    const char *name, *value;
} config_extra_t;
typedef struct config_extras {
    config_extra_t *items;
    size_t n;
} config_extras_t;

/*  A section of items that the file names itself, each with keys of its own, indented once
    more. An item is a struct whose first member is its name, a const char *.  */
typedef struct config_list {
    config_section_t section;
    const config_key_t *keys; /* offsets in an item */
    size_t n_keys;
    size_t item_size;
    size_t items;   /* offset of the pointer to the items, in the order of the file */
    size_t n_items; /* offset of their number, a size_t */
    size_t extras;  /* offset of a config_extras_t in an item; 0: it has its keys only */
} config_list_t;

typedef struct config_table {
    const config_section_t *sections;
    size_t n_sections;
    const config_key_t *keys;
    size_t n_keys;
    const config_order_t *orders;
    size_t n_orders;
    const config_list_t *lists;
    size_t n_lists;
} config_table_t;

typedef struct config {
    const config_table_t *table;
    void *out;     /* the struct that is filled */
    arena_t texts; /* what its texts and items point to */
} config_t;

/*  Fills out with the defaults. out must live as long as self; its texts live in self.  */
void config_defaults(config_t *self, const config_table_t *table, void *out);
/*  ERR_CONFIG with file and line: missing, not ZPL, an unknown section or key, one given
    twice, a wrong type, a number out of range.  */
CHECKED err_t config_load(config_t *self, const char *path, fault_t *fault);
/*  key is "section.name".  */
CHECKED err_t config_set(config_t *self, const char *key, const char *value, fault_t *fault);
/*  The rules between keys; to be called when all are set.  */
CHECKED err_t config_check(const config_t *self, fault_t *fault);
/*  Adds the text of a file that says all these values: a struct as config_load() fills it.  */
void config_write(const config_table_t *table, const void *values, buffer_t *out);
void config_release(config_t *self);

/*  Every key of that role with summary and default, commented out.  */
void config_write_commented(const config_table_t *table, const char *role, FILE *out);
/*  The reference page, in Markdown.  */
void config_document(const config_table_t *table, FILE *out);
