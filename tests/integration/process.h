/*  process - the program's verbs as real processes, for the integration tests.  */

#pragma once

#include "schemas/base.h"

#include <stdio.h>
#include <sys/types.h>

/*  A directory of the test's own, removed with all that is in it.  */
char *directory_new(void);
void directory_destroy(char **self);
/*  DIR/NAME, to be freed.  */
char *path_in(const char *dir, const char *name);
void write_file(const char *path, const char *text);

/*  ------------------------------------------------------------ a verb that ends  */

typedef struct outcome {
    int status; /* exit status; 128 + signal */
    char *out, *err;
} outcome_t;

/*  Arguments end with NULL; input may be NULL.  */
outcome_t run_verb(const char *input, const char *const *arguments);
void outcome_release(outcome_t *self);
#define RUN(...) run_verb(NULL, (const char *const[]){__VA_ARGS__, NULL})

/*  --------------------------------------------------------- a verb that goes on  */

typedef struct process {
    pid_t pid;
    FILE *out;   /* its standard output */
    char *ready; /* the first line of it */
} process_t;

/*  What happens in the child before it becomes the program; may be NULL.  */
typedef void prepare_fn(void);

/*  Starts it, standard error going to the file log.  */
process_t *process_new(const char *log, prepare_fn *prepare, const char *const *arguments);
/*  Waits for its first line; false if it ends without one.  */
bool process_await_ready(process_t *self);
/*  What it has of the machine's memory.  */
long process_resident_kb(const process_t *self);
/*  Sends the signal (0: none) and waits for its end; gives the exit status.  */
int process_end(process_t *self, int signal);
/*  Kills it if it still runs.  */
void process_destroy(process_t **self);
