#include "tools/tap/filter.h"

#include "bus/subscriptions.h"
#include "schemas/text.h"
#include "tools/show.h"
#include "tools/tap/about.h"

#include <stdlib.h>
#include <string.h>

enum { WORDS = 32, SESSIONS = 64 };

/*  A list as given, cut at its commas.  */
typedef struct words {
    char *text;
    const char *at[WORDS];
    size_t n;
} words_t;

struct filter {
    words_t types, not_types, actors, kinds;
    bool points[TAP_POINT_COUNT]; /* of kinds */
    char *entity_text;            /* the table, and behind it the id */
    about_entity_t entity;
    char *change, *client;
    uint64_t sessions[SESSIONS]; /* of the client, the newest over the oldest */
    size_t n_sessions;
};

/*  ------------------------------------------------------------------------ reading  */

static err_t
split(const char *option, const char *text, words_t *words, fault_t *fault)
{
    if (!text)
        return OK;
    words->text = mem_text(text);
    char *rest = words->text;
    for (char *word; (word = strsep(&rest, ","));) {
        if (*word == '\0' || strlen(word) > NAME_ROOM)
            return fault_set(fault, ERR_USAGE,
                             "--%s: \"%s\" has an empty or too long word in its list", option,
                             text);
        if (words->n == WORDS)
            return fault_set(fault, ERR_USAGE, "--%s: at most %d words", option, WORDS);
        words->at[words->n++] = word;
    }
    return OK;
}

static err_t
check_types(const char *option, const words_t *words, fault_t *fault)
{
    for (size_t i = 0; i < words->n; i++)
        if (!strpbrk(words->at[i], "*>") && message_named(words->at[i]) == MSG_COUNT)
            return fault_set(
                fault, ERR_USAGE,
                "--%s: no message is named %s; one of a plug-in's own fits a pattern "
                "as %s*",
                option, words->at[i], words->at[i]);
    return OK;
}

static err_t
read_points(filter_t *self, fault_t *fault)
{
    for (size_t i = 0; i < self->kinds.n; i++) {
        tap_point_t point = 0;
        while (point < TAP_POINT_COUNT && strcmp(tap_point_name(point), self->kinds.at[i]) != 0)
            point++;
        if (point == TAP_POINT_COUNT)
            return fault_set(fault, ERR_USAGE, "--kind: \"%s\" is not send, recv, done or dead",
                             self->kinds.at[i]);
        self->points[point] = true;
    }
    return OK;
}

static err_t
read_entity(filter_t *self, const char *text, fault_t *fault)
{
    if (!text)
        return OK;
    self->entity_text = mem_text(text);
    char *slash = strchr(self->entity_text, '/');
    if (slash)
        *slash = '\0';
    if (*self->entity_text == '\0' || (slash && slash[1] == '\0'))
        return fault_set(fault, ERR_USAGE, "--entity: \"%s\" is not TABLE or TABLE/ID", text);
    self->entity = (about_entity_t){.table = self->entity_text, .id = slash ? slash + 1 : NULL};
    return OK;
}

static err_t
read_words(filter_t *self, const filter_words_t *words, fault_t *fault)
{
    err_t err = split("type", words->types, &self->types, fault);
    if (err == OK)
        err = split("not-type", words->not_types, &self->not_types, fault);
    if (err == OK)
        err = split("actor", words->actors, &self->actors, fault);
    if (err == OK)
        err = split("kind", words->kinds, &self->kinds, fault);
    if (err == OK)
        err = check_types("type", &self->types, fault);
    if (err == OK)
        err = check_types("not-type", &self->not_types, fault);
    if (err == OK)
        err = read_points(self, fault);
    if (err == OK)
        err = read_entity(self, words->entity, fault);
    return err;
}

filter_t *
filter_new(const filter_words_t *words, fault_t *fault)
{
    filter_t *self = mem_new(sizeof *self);
    self->change = words->change ? mem_text(words->change) : NULL;
    self->client = words->client ? mem_text(words->client) : NULL;
    if (read_words(self, words, fault) != OK)
        filter_destroy(&self);
    return self;
}

void
filter_destroy(filter_t **self_p)
{
    filter_t *self = *self_p;
    if (!self)
        return;
    free(self->types.text);
    free(self->not_types.text);
    free(self->actors.text);
    free(self->kinds.text);
    free(self->entity_text);
    free(self->change);
    free(self->client);
    free(self);
    *self_p = NULL;
}

/*  ------------------------------------------------------------------------ passing  */

static bool
matches_any(const words_t *words, const char *name)
{
    for (size_t i = 0; i < words->n; i++)
        if (pattern_matches(words->at[i], name))
            return true;
    return false;
}

/*  A program that joined offers no records of its own: it is known as sender or receiver.  */
static bool
matches_joined(const words_t *words, const char *name)
{
    return strncmp(name, "ipc/", 4) == 0 && matches_any(words, name);
}

static bool
is_there(const tree_t *tree, const char *word)
{
    for (size_t i = 0; i < tree->n_actors; i++)
        if (pattern_matches(word, tree->actors[i].name))
            return true;
    return false;
}

const char *
filter_stranger(const filter_t *self, const tree_t *tree)
{
    for (size_t i = 0; i < self->actors.n; i++)
        if (!is_there(tree, self->actors.at[i]))
            return self->actors.at[i];
    return NULL;
}

static bool
passes_actor(const filter_t *self, const tap_record_t *record)
{
    const envelope_t *envelope = &record->envelope;
    if (self->actors.n > 0)
        return matches_any(&self->actors, record->actor)
               || matches_joined(&self->actors, envelope->from)
               || matches_joined(&self->actors, envelope->to);
    return strncmp(envelope->from, TAP_NAME, strlen(TAP_NAME)) != 0
           && strncmp(envelope->to, TAP_NAME, strlen(TAP_NAME)) != 0;
}

static bool
passes_head(const filter_t *self, const tap_record_t *record)
{
    const char *type = record->envelope.type;
    return (self->kinds.n == 0 || self->points[record->point])
           && (self->types.n == 0 || matches_any(&self->types, type))
           && !matches_any(&self->not_types, type) && passes_actor(self, record);
}

static bool
knows_session(const filter_t *self, uint64_t session)
{
    for (size_t i = 0; i < self->n_sessions && i < SESSIONS; i++)
        if (self->sessions[i] == session)
            return true;
    return false;
}

/*  On the server most messages tell only the session; some tell both.  */
static bool
passes_client(filter_t *self, message_id_t id, const void *body)
{
    uint64_t session = about_session(id, body);
    if (about_has_client(id, body, self->client)) {
        if (session > 0 && !knows_session(self, session))
            self->sessions[self->n_sessions++ % SESSIONS] = session;
        return true;
    }
    return session > 0 && knows_session(self, session);
}

bool
filter_passes(filter_t *self, const tap_record_t *record, message_id_t id, const void *body)
{
    bool of_client = !self->client || (body && passes_client(self, id, body));
    if (!of_client || !passes_head(self, record))
        return false;
    if (self->entity.table && !(body && about_has_entity(id, body, &self->entity)))
        return false;
    return !self->change || (body && about_has_change(id, body, self->change));
}

/*  --------------------------------------------------------------------- explaining  */

static void
explain_words(const char *what, const words_t *words, buffer_t *out)
{
    for (size_t i = 0; i < words->n; i++) {
        buffer_add_text(out, i == 0 ? what : " or ");
        show_text(out, words->at[i]);
    }
    if (words->n > 0)
        buffer_add_text(out, "\n");
}

static void
explain_text(const char *what, const char *text, const char *behind, buffer_t *out)
{
    if (!text)
        return;
    buffer_add_text(out, what);
    show_text(out, text);
    buffer_add_text(out, behind);
}

void
filter_explain(const filter_t *self, buffer_t *out)
{
    size_t before = out->size;
    explain_words("its type is    ", &self->types, out);
    explain_words("its type isn't ", &self->not_types, out);
    explain_words("at the actor   ", &self->actors, out);
    explain_words("it is a        ", &self->kinds, out);
    explain_text("about table    ", self->entity.table, "\n", out);
    explain_text("about row      ", self->entity.id, " of it\n", out);
    explain_text("about change   ", self->change, "\n", out);
    explain_text("about client   ", self->client, ", and its sessions once they are known\n",
                 out);
    if (out->size == before)
        buffer_add_text(out, "every message\n");
    if (self->actors.n == 0)
        buffer_add_text(out, "not            what the tap itself asks and is told\n");
}

static void
words_to_json(const char *name, const words_t *words, buffer_t *out)
{
    if (words->n == 0)
        return;
    json_name(out, name);
    for (size_t i = 0; i < words->n; i++) {
        buffer_add_text(out, i == 0 ? "[" : ",");
        text_to_json((bytes_t){(const uint8_t *) words->at[i], strlen(words->at[i])}, out);
    }
    buffer_add_text(out, "]");
}

void
filter_to_json(const filter_t *self, buffer_t *out)
{
    words_to_json("types", &self->types, out);
    words_to_json("not_types", &self->not_types, out);
    words_to_json("actors", &self->actors, out);
    words_to_json("kinds", &self->kinds, out);
    const struct {
        const char *name, *text;
    } texts[] = {{"table", self->entity.table},
                 {"id", self->entity.id},
                 {"change", self->change},
                 {"client", self->client}};
    for (size_t i = 0; i < COUNT_OF(texts); i++)
        if (texts[i].text)
            json_text(out, texts[i].name, texts[i].text);
}
