/*  verb - one thing the program can do, and how it reads its command line and complains.  */

#pragma once

#include "schemas/base.h"

/*  What the program exits with.  */
enum {
    STATUS_DONE = 0,
    STATUS_NO = 1,      /* the answer is no, or it was refused */
    STATUS_USAGE = 2,   /* wrong usage or configuration */
    STATUS_REJECTED = 3 /* recorded here, and refused by the server */
};

typedef struct verb verb_t;

/*  A command line: what stands after the verb's name, and once options_read() is through
    only its operands.  */
typedef struct args {
    const verb_t *verb;
    int count;
    char **values;
} args_t;

struct verb {
    const char *name; /* "tap", or "tap top" for one that stands behind another */
    const char *summary;
    const char *usage; /* the whole of `waybill help NAME` */
    int (*run)(args_t *args);
    const verb_t *const *verbs; /* that may stand behind it, ended by NULL; or NULL */
};

/*  The verb whose last word is name; NULL if there is none.  */
const verb_t *verb_named(const verb_t *const *verbs, const char *name);
/*  Adds a line for each: its last word, and its summary.  */
void verbs_list(const verb_t *const *verbs, buffer_t *out);

typedef enum option_kind {
    OPTION_FLAG,
    OPTION_TEXT,
    OPTION_TEXTS, /* may be given several times */
    OPTION_NUMBER
} option_kind_t;

/*  In the order given.  */
enum { TEXTS_AT_MOST = 16 };
typedef struct texts {
    const char *items[TEXTS_AT_MOST];
    size_t n;
} texts_t;

typedef struct option_rule {
    const char *name; /* without the dashes; a flag of one letter is a short one */
    option_kind_t kind;
    void *into;        /* bool, const char *, texts_t or int64_t */
    int64_t low, high; /* OPTION_NUMBER */
} option_rule_t;

/*  Reads the options that the rules (ended by {0}) allow, in any order among the operands,
    and leaves the operands in args: at least low, at most high of them. --help and
    --version are understood everywhere. False: the program ends now, with *status.  */
bool options_read(args_t *args, const option_rule_t *rules, int low, int high, int *status);

/*  "waybill: THING: cause; way out" on stderr.  */
void complain(const char *format, ...) PRINTF_LIKE(1, 2);
/*  The same, with where to read more; gives STATUS_USAGE.  */
int complain_usage(const verb_t *verb, const char *format, ...) PRINTF_LIKE(2, 3);

/*  AUTO(text) line = mem_format(...);  */
typedef char text_t;
void text_destroy(text_t **self);
