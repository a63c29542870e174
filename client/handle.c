#include "client/handle.h"

#include "bus/rundir.h"
#include "client/events.h"
#include "client/intake.h"
#include "client/reading.h"
#include "client/writing.h"

#include <assert.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

enum { USUAL_TIMEOUT_MS = 5000, LONGEST_NAME = 20 };

/*  ---------------------------------------------------------------------------- errors  */

static const struct {
    err_t err;
    waybill_code_t code;
} codes[] = {
    {OK, WAYBILL_OK},
    {ERR_TIMEOUT, WAYBILL_TIMEOUT},
    {ERR_OFFLINE, WAYBILL_OFFLINE},
    {ERR_STOPPED, WAYBILL_OFFLINE},
    {ERR_NO_ROUTE, WAYBILL_OFFLINE},
    {ERR_REFUSED, WAYBILL_REFUSED},
    {ERR_INVALID_CHANGE, WAYBILL_REFUSED},
    {ERR_RULE_VIOLATION, WAYBILL_REFUSED},
    {ERR_PERMISSION_DENIED, WAYBILL_REFUSED},
    {ERR_STALE, WAYBILL_REFUSED},
    {ERR_ENTITY_NOT_FOUND, WAYBILL_NOT_FOUND},
    {ERR_NOT_FOUND, WAYBILL_NOT_FOUND},
    {ERR_TOO_LARGE, WAYBILL_TOO_LARGE},
    {ERR_STORAGE, WAYBILL_DATABASE},
    {ERR_BUSY, WAYBILL_DATABASE},
    {ERR_FULL, WAYBILL_DATABASE},
    {ERR_READONLY, WAYBILL_DATABASE},
    {ERR_NOT_DATABASE, WAYBILL_DATABASE},
    {ERR_CORRUPT, WAYBILL_DATABASE},
    {ERR_USAGE, WAYBILL_USAGE},
    {ERR_MALFORMED, WAYBILL_USAGE},
};

waybill_code_t
handle_code(err_t err)
{
    for (size_t i = 0; i < COUNT_OF(codes); i++)
        if (codes[i].err == err)
            return codes[i].code;
    return WAYBILL_FAILED;
}

static void
fill_error(waybill_error_t *error, const fault_t *fault)
{
    error->code = handle_code(fault->err);
    snprintf(error->name, sizeof error->name, "%s", err_name(fault->err));
    snprintf(error->text, sizeof error->text, "%s",
             fault->text[0] != '\0' ? fault->text : err_text(fault->err));
}

waybill_code_t
handle_say(waybill_t *self, const fault_t *fault)
{
    if (fault->err != OK)
        fill_error(&self->error, fault);
    return handle_code(fault->err);
}

waybill_code_t
handle_refuse(waybill_t *self, waybill_code_t code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    line_format(self->error.text, sizeof self->error.text, format, arguments);
    va_end(arguments);
    self->error.code = code;
    self->error.name[0] = '\0';
    return code;
}

const waybill_error_t *
waybill_error(const waybill_t *self)
{
    return &self->error;
}

/*  ------------------------------------------------------------------------------ time  */

uint64_t
handle_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t) now.tv_sec * 1000000000u + (uint64_t) now.tv_nsec;
}

uint64_t
handle_until(int timeout_ms)
{
    if (timeout_ms < 0)
        return UINT64_MAX;
    return handle_now_ns() + (uint64_t) timeout_ms * 1000000u;
}

int
handle_left_ms(uint64_t until_ns)
{
    const uint64_t now_ns = handle_now_ns();
    if (until_ns == UINT64_MAX)
        return -1;
    return until_ns > now_ns ? (int) ((until_ns - now_ns + 999999u) / 1000000u) : 0;
}

/*  ------------------------------------------------------------------------------ life  */

/*  Handles of one process, or of two, may have one name; on the bus they must not.  */
static err_t
name_peer(const char *name, char *peer, size_t room, fault_t *fault)
{
    uint32_t random = 0;
    const size_t size = name == NULL ? 0 : strnlen(name, LONGEST_NAME + 1);
    if (size == 0 || size > LONGEST_NAME)
        return fault_set(fault, ERR_USAGE, "name: 1 to %d of A-Z a-z 0-9 - _ . are wanted",
                         LONGEST_NAME);
    if (getrandom(&random, sizeof random, 0) < 0)
        return fault_set(fault, ERR_IO, "the system has no random numbers");
    snprintf(peer, room, "%s-%ld-%08x", name, (long) getpid(), random);
    return OK;
}

static err_t
join(const char *run_dir, const char *name, int timeout_ms, ipc_client_t **client,
     fault_t *fault)
{
    char standard[PATH_MAX];
    char peer[LONGEST_NAME + 32];
    rundir_default(standard, sizeof standard);
    const err_t err = name_peer(name, peer, sizeof peer, fault);
    if (err != OK)
        return err;
    return ipc_client_open(run_dir != NULL ? run_dir : standard, peer, timeout_ms, client,
                           fault);
}

waybill_code_t
waybill_open(const char *run_dir, const char *name, int timeout_ms, waybill_t **handle,
             waybill_error_t *error)
{
    fault_t fault = {0};
    ipc_client_t *client = NULL;
    *handle = NULL;
    if (join(run_dir, name, timeout_ms, &client, &fault) != OK) {
        if (error != NULL)
            fill_error(error, &fault);
        return handle_code(fault.err);
    }
    waybill_t *self = mem_new(sizeof *self);
    self->client = client;
    self->timeout_ms = USUAL_TIMEOUT_MS;
    self->connected = true;
    self->joins = ipc_client_joins(client);
    self->ticked_ns = handle_now_ns();
    *handle = self;
    return WAYBILL_OK;
}

void
waybill_close(waybill_t **handle)
{
    waybill_t *self = *handle;
    if (self == NULL)
        return;
    assert(!self->dispatching); /* a callback must not */
    writing_release(self);
    events_release(self);
    intake_release(self);
    reading_release(self);
    ipc_client_close(&self->client);
    arena_release(&self->arena);
    free(self);
    *handle = NULL;
}

void
waybill_set_timeout(waybill_t *self, int timeout_ms)
{
    self->timeout_ms = timeout_ms;
}

bool
waybill_connected(const waybill_t *self)
{
    return ipc_client_joined(self->client);
}

/*  ------------------------------------------------------------------------ subscribing  */

static const struct {
    unsigned kinds;
    const char *type;
} heard_as[] = {
    {WAYBILL_RECORDED, "change_recorded"},
    {WAYBILL_PROCESSED, "changes_processed"},
    {WAYBILL_STATUS, "status"},
    {WAYBILL_PROBLEM, "error"},
};

err_t
handle_hear(waybill_t *self, unsigned kinds, fault_t *fault)
{
    for (size_t i = 0; i < COUNT_OF(heard_as); i++) {
        if ((heard_as[i].kinds & kinds & ~self->kinds) == 0)
            continue;
        const err_t err = ipc_client_subscribe(self->client, heard_as[i].type);
        if (err != OK)
            return fault_set(fault, err, "%s: %s", heard_as[i].type, err_text(err));
        self->kinds |= heard_as[i].kinds;
    }
    return OK;
}
