/*  compare_postgres - the tables of a PostgreSQL database as a server's replica would have
   them, in an SQLite file, for whoever reads rows.  */

#pragma once

#include "schemas/base.h"

bool compare_is_postgres(const char *name);
/*  An address may hold a password, which is nobody's business: name is postgres:DATABASE.  */
typedef struct compare_copy {
    char *path, *name;
} compare_copy_t;

/*  Copies what is published, as it is at one moment, to a file in a new directory.  */
CHECKED err_t compare_copy_postgres(const char *address, compare_copy_t *copy, fault_t *fault);
/*  Removes file and directory.  */
void compare_forget_copy(compare_copy_t *copy);
