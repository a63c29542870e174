#include "runtime/requests.h"

#include <stdlib.h>
#include <string.h>

void
requests_add(requests_t *self, const request_t *request)
{
    request_t *copy = mem_new(sizeof *copy);
    *copy = *request;
    copy->next = NULL;
    if (self->n == 0) {
        self->last = &self->first;
        self->earliest_ms = UINT64_MAX;
    }
    *self->last = copy;
    self->last = &copy->next;
    counter_add(&self->n, 1);
    uint64_t due = copy->err == OK ? copy->deadline_ms : 0;
    if (due < self->earliest_ms)
        self->earliest_ms = due;
}

static void
take_out(requests_t *self, request_t **at, request_t *request)
{
    request_t *found = *at;
    *request = *found;
    *at = found->next;
    if (self->last == &found->next)
        self->last = at;
    free(found);
    counter_take(&self->n, 1);
    if (self->n == 0)
        self->earliest_ms = UINT64_MAX;
}

bool
requests_take(requests_t *self, const uint8_t id[16], request_t *request)
{
    for (request_t **at = &self->first; self->n > 0 && *at; at = &(*at)->next)
        if (memcmp((*at)->id, id, sizeof(*at)->id) == 0) {
            take_out(self, at, request);
            return true;
        }
    return false;
}

void
requests_fail(requests_t *self, const uint8_t id[16], err_t why)
{
    for (request_t *each = self->n ? self->first : NULL; each; each = each->next)
        if (memcmp(each->id, id, sizeof each->id) == 0) {
            each->err = why;
            self->earliest_ms = 0;
        }
}

bool
requests_take_failed(requests_t *self, uint64_t now_ms, request_t *request)
{
    if (self->n == 0 || self->earliest_ms > now_ms)
        return false;
    uint64_t earliest = UINT64_MAX;
    for (request_t **at = &self->first; *at; at = &(*at)->next) {
        if ((*at)->err != OK || (*at)->deadline_ms <= now_ms) {
            take_out(self, at, request);
            request->err = request->err == OK ? ERR_TIMEOUT : request->err;
            return true;
        }
        earliest = (*at)->deadline_ms < earliest ? (*at)->deadline_ms : earliest;
    }
    self->earliest_ms = earliest;
    return false;
}

void
requests_clear(requests_t *self)
{
    for (request_t *each = self->n ? self->first : NULL, *next; each; each = next) {
        next = each->next;
        free(each);
    }
    counter_set(&self->n, 0);
    self->earliest_ms = UINT64_MAX;
}
