#include "runtime/sim_world.h"
#include "schemas/plausible.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/*  2026-01-01 00:00 UTC: where every simulation begins.  */
#define WALL_START_MS INT64_C(1767225600000)

static uint64_t
splitmix64(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9E3779B97F4A7C15));
    z = (z ^ (z >> 30)) * UINT64_C(0xBF58476D1CE4E5B9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94D049BB133111EB);
    return z ^ (z >> 31);
}

void
world_init(world_t *self, uint64_t seed, const sim_faults_t *faults)
{
    *self = (world_t){.faults = *faults, .hash = UINT64_C(0xCBF29CE484222325)};
    for (size_t i = 0; i < COUNT_OF(self->random); i++)
        self->random[i] = splitmix64(&seed);
    const char *log = secure_getenv("WAYBILL_SIM_LOG");
    self->log = log != NULL && strcmp(log, "0") != 0;
}

static uint64_t
rotated(uint64_t x, int by)
{
    return (x << by) | (x >> (64 - by));
}

/*  xoshiro256**.  */
uint64_t
world_random(world_t *self)
{
    uint64_t *s = self->random;
    uint64_t result = rotated(s[1] * 5, 7) * 9;
    uint64_t t = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= t;
    s[3] = rotated(s[3], 45);
    return result;
}

uint64_t
world_below(world_t *self, uint64_t limit)
{
    return limit == 0 ? 0 : world_random(self) % limit;
}

bool
world_chance(world_t *self, uint32_t per_10000)
{
    return per_10000 > 0 && world_below(self, 10000) < per_10000;
}

uint64_t
world_later(world_t *self, uint32_t limit_ms)
{
    return self->now_ns + world_below(self, (uint64_t) limit_ms * 1000000 + 1);
}

int64_t
world_wall_ms(const world_t *self)
{
    return WALL_START_MS + (int64_t) (self->now_ns / 1000000);
}

int64_t
world_wall_us(const world_t *self)
{
    return WALL_START_MS * 1000 + (int64_t) (self->now_ns / 1000);
}

/*  ------------------------------------------------------------------------ the trace  */

static void
mix(world_t *self, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++)
        self->hash = (self->hash ^ bytes[i]) * UINT64_C(0x100000001B3);
}

void
world_note(world_t *self, const char *what, bytes_t bytes)
{
    mix(self, &self->now_ns, sizeof self->now_ns);
    mix(self, what, strlen(what) + 1);
    if (bytes.size > 0)
        mix(self, bytes.data, bytes.size);
}

static void
print_value(FILE *out, bytes_t bytes)
{
    buffer_t json = {0};
    size_t used;
    if (plausible(bytes, &used) && used == bytes.size && msgpack_to_json(bytes, &json) == OK)
        fprintf(out, "%.400s\n", buffer_text(&json));
    else
        fprintf(out, "(%zu bytes)\n", bytes.size);
    buffer_release(&json);
}

void
world_note_message(world_t *self, const char *node, const envelope_t *envelope, bytes_t payload)
{
    world_note(self, node, (bytes_t){0});
    world_note(self, envelope->from, (bytes_t){envelope->id, sizeof envelope->id});
    world_note(self, envelope->to, (bytes_t){(const uint8_t *) &envelope->seq, 8});
    world_note(self, envelope->type, payload);
    if (self->trace == NULL)
        return;
    fprintf(self->trace, "%12.3f %s: %s -> %s %s %" PRIu64 " %s ", (double) self->now_ns / 1e6,
            node, envelope->from, envelope->to, envelope_kind_name(envelope->kind),
            envelope->seq, envelope->type);
    print_value(self->trace, payload);
}

void
world_note_frame(world_t *self, const char *address, conn_t conn, bytes_t frame)
{
    world_note(self, address, (bytes_t){(const uint8_t *) &conn, sizeof conn});
    world_note(self, "frame", frame);
    if (self->trace == NULL)
        return;
    fprintf(self->trace, "%12.3f %s: conn %" PRIu64 " ", (double) self->now_ns / 1e6, address,
            conn);
    print_value(self->trace, frame);
}

/*  ----------------------------------------------------------------------- the agenda  */

void
agenda_add(agenda_t *self, uint64_t at_ns, void (*run)(void *subject), void *subject)
{
    if (at_ns == NEVER)
        return;
    if (self->n == self->room) {
        self->room = self->room * 2 + 32;
        self->choices = mem_grow(self->choices, self->room * sizeof *self->choices);
    }
    self->choices[self->n++] = (choice_t){.at_ns = at_ns, .run = run, .subject = subject};
}

uint64_t
agenda_first(const agenda_t *self)
{
    uint64_t at = NEVER;
    for (size_t i = 0; i < self->n; i++)
        if (self->choices[i].at_ns < at)
            at = self->choices[i].at_ns;
    return at;
}

/*  Keeps those due.  */
static void
narrow(agenda_t *self, uint64_t now_ns)
{
    size_t n = 0;
    for (size_t i = 0; i < self->n; i++)
        if (self->choices[i].at_ns <= now_ns)
            self->choices[n++] = self->choices[i];
    self->n = n;
}

bool
agenda_draw(agenda_t *self, world_t *world, uint64_t limit_ns, choice_t *drawn)
{
    uint64_t at = agenda_first(self);
    if (at == NEVER || at > limit_ns) {
        if (limit_ns != NEVER && limit_ns > world->now_ns)
            world->now_ns = limit_ns;
        return false;
    }
    /*  Whatever happens takes time: so that nothing can go round for ever in no time.  */
    world->now_ns = (at > world->now_ns ? at : world->now_ns) + 1000;
    narrow(self, world->now_ns);
    *drawn = self->choices[world_below(world, self->n)];
    return true;
}

void
agenda_release(agenda_t *self)
{
    free(self->choices);
    *self = (agenda_t){0};
}
