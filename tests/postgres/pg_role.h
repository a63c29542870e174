/*  pg_role - a database whose server has a role of its own, as packaging/postgres/roles.sql
    makes it.  */

#pragma once

#include "tests/postgres/pg_place.h"

#include <stdio.h>

/*  place->pg is the role's; place->database->sql a superuser's.  */
typedef struct role_place {
    pg_place_t place;
    char *role, *address;
} role_place_t;

static inline void
run_roles(const role_place_t *self)
{
    char *command = mem_format("psql -X -q -d '%s' -v role=%s -f " ROLES_SQL,
                               self->place.database->address, self->role);
    const int status = system(command); /* NOLINT(cert-env33-c): of our own making */
    assert_int_equal(status, 0);
    free(command);
}

static inline void
open_role_place(role_place_t *self, const char *tables)
{
    fault_t fault = {0};
    open_place(&self->place, NULL);
    database_run(self->place.database, tables);
    self->role = mem_format("%s_server", self->place.database->name);
    run_roles(self);
    const char *at = strchr(self->place.database->address, '@');
    self->address = mem_format("postgres://%s%s", self->role, at);
    self->place.settings.server_db = self->address;
    pg_destroy(&self->place.pg);
    self->place.pg = pg_new(&self->place.settings, PG_SQL, "test");
    must(pg_ready(self->place.pg, &fault), &fault);
}

static inline void
close_role_place(role_place_t *self)
{
    pg_destroy(&self->place.pg);
    char *sql = mem_format("DROP OWNED BY %s; DROP ROLE %s", self->role, self->role);
    database_run(self->place.database, sql);
    free(sql);
    free(self->role);
    free(self->address);
    close_place(&self->place);
}
