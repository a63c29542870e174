/*  servers - the addresses in agent.server, with blanks or commas between them: servers of one
    database, so that an agent goes to another when one is out of reach.  */

#pragma once

#include "schemas/base.h"

size_t servers_count(const char *list);
/*  The address with that number, counted around and around; empty if there is none. In
    arena.  */
const char *servers_at(const char *list, size_t index, arena_t *arena);
