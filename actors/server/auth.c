#include "actors/server/auth.h"

#include "actors/common/secret.h"
#include "actors/server/jwt_key.h"
#include "schemas/text.h"

#include <stdlib.h>
#include <string.h>

typedef struct entry {
    const char *user;
    const char *token;
    size_t size; /* of token */
} entry_t;

struct auth {
    buffer_t file;   /* of tokens; cut into texts */
    buffer_t tokens; /* of entry_t */
    jwt_keys_t keys;
    bool on;
};

/*  ------------------------------------------------------------------- the token file  */

static size_t
count_entries(const auth_t *self)
{
    return self->tokens.size / sizeof(entry_t);
}

static const entry_t *
entry_at(const auth_t *self, size_t index)
{
    return (const entry_t *) (const void *) self->tokens.data + index;
}

static bool
is_known(const auth_t *self, const char *token)
{
    for (size_t i = 0; i < count_entries(self); i++)
        if (strcmp(entry_at(self, i)->token, token) == 0)
            return true;
    return false;
}

/*  Cuts "USER TOKEN" out of a line. False if that is not what it says.  */
static bool
take_line(auth_t *self, char *line)
{
    static const char blanks[] = " \t\r";
    char *rest = NULL;
    const char *user = strtok_r(line, blanks, &rest);
    if (user == NULL || user[0] == '#')
        return true;
    const char *token = strtok_r(NULL, blanks, &rest);
    if (token == NULL || strtok_r(NULL, blanks, &rest) != NULL || strlen(user) > USER_MAX
        || is_known(self, token))
        return false;
    const entry_t entry = {.user = user, .token = token, .size = strlen(token)};
    buffer_add(&self->tokens, &entry, sizeof entry);
    return true;
}

static err_t
take_lines(auth_t *self, const char *path, fault_t *fault)
{
    char *line = (char *) self->file.data;
    for (unsigned number = 1; line != NULL; number++) {
        char *end = strchr(line, '\n');
        if (end != NULL)
            *end = '\0';
        if (!take_line(self, line))
            return fault_set(fault, ERR_CONFIG,
                             "auth.tokens: %s:%u: a line is USER TOKEN, and no token stands "
                             "twice",
                             path, number);
        line = end != NULL ? end + 1 : NULL;
    }
    if (self->tokens.size == 0)
        return fault_set(fault, ERR_CONFIG, "auth.tokens: %s: there is no token in it", path);
    return OK;
}

static err_t
read_tokens(auth_t *self, const char *path, fault_t *fault)
{
    const err_t err = secret_read("auth.tokens", path, &self->file, fault);
    if (err != OK)
        return err;
    (void) buffer_text(&self->file);
    if (!text_is_clean(buffer_bytes(&self->file)))
        return fault_set(fault, ERR_CONFIG, "auth.tokens: %s: it is not UTF-8", path);
    return take_lines(self, path, fault);
}

/*  --------------------------------------------------------------------------- opening  */

err_t
auth_open(const settings_t *settings, auth_t **self, fault_t *fault)
{
    auth_t *auth = mem_new(sizeof *auth);
    const bool tokens = settings->auth_tokens[0] != '\0';
    err_t err = tokens ? read_tokens(auth, settings->auth_tokens, fault) : OK;
    if (err == OK)
        err = jwt_keys_read(settings, &auth->keys, fault);
    auth->on = tokens || auth->keys.secret.size > 0 || auth->keys.public_key.size > 0;
    *self = auth;
    if (err != OK)
        auth_close(self);
    return err;
}

void
auth_close(auth_t **self)
{
    if (*self == NULL)
        return;
    secret_release(&(*self)->file);
    buffer_release(&(*self)->tokens);
    jwt_keys_release(&(*self)->keys);
    free(*self);
    *self = NULL;
}

bool
auth_is_on(const auth_t *self)
{
    return self->on;
}

/*  --------------------------------------------------------------------------- judging  */

/*  Takes as long for a token that is nearly right as for one that is not at all.  */
static bool
is_token(const entry_t *entry, const char *token, size_t size)
{
    volatile unsigned difference = entry->size != size;
    for (size_t i = 0; i < size; i++)
        difference |= (unsigned) (unsigned char) (token[i] ^ entry->token[i % entry->size]);
    return difference == 0;
}

static const char *
user_of(const auth_t *self, const char *token)
{
    const size_t size = strlen(token);
    const char *user = NULL;
    for (size_t i = 0; i < count_entries(self); i++)
        if (is_token(entry_at(self, i), token, size))
            user = entry_at(self, i)->user;
    return user;
}

bool
auth_judge(const auth_t *self, const char *token, int64_t wall_ms, identity_t *identity,
           const char **why)
{
    *identity = (identity_t){0};
    *why = "there is none";
    if (!self->on)
        return true;
    if (token[0] == '\0')
        return false;
    const char *user = user_of(self, token);
    if (user == NULL)
        return jwt_keys_judge(&self->keys, token, wall_ms, identity, why);
    memcpy(identity->user, user, strlen(user) + 1);
    return true;
}
