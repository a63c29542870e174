/*  judge_rule - a condition of the settings as PostgreSQL is to compute it.

    Conditions are SQL that SQLite and PostgreSQL both understand: SQLite decides what streams
    show of a row, PostgreSQL what is done to it.  */

#pragma once

#include "schemas/base.h"

/*  Puts user in place of each :user_id, outside of literals, quoted names and comments; a cast
    (::) is none.  */
void judge_rule_write(buffer_t *sql, const char *condition, const char *user);
