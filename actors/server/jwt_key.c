#include "actors/server/jwt_key.h"

#include "actors/common/secret.h"
#include "schemas/text.h"

#include <jansson.h>
#include <jwt.h>
#include <stdlib.h>
#include <string.h>

enum { SECRET_LEAST = 32 }; /* RFC 7518: as long as the hash */

/*  ------------------------------------------------------------------------- the keys  */

static void
cut_line_end(buffer_t *self)
{
    while (self->size > 0
           && (self->data[self->size - 1] == '\n' || self->data[self->size - 1] == '\r'))
        self->data[--self->size] = '\0';
}

static err_t
read_secret(const char *path, buffer_t *out, fault_t *fault)
{
    const err_t err = secret_read("auth.jwt_secret", path, out, fault);
    if (err != OK)
        return err;
    cut_line_end(out);
    if (out->size < SECRET_LEAST)
        return fault_set(fault, ERR_CONFIG,
                         "auth.jwt_secret: %s: shorter than %d bytes; use a longer secret",
                         path, SECRET_LEAST);
    return OK;
}

static err_t
read_public_key(const char *path, buffer_t *out, fault_t *fault)
{
    static const char begin[] = "-----BEGIN PUBLIC KEY-----";
    const err_t err = secret_read_public("auth.jwt_public_key", path, out, fault);
    if (err == OK && strstr(buffer_text(out), begin) == NULL)
        return fault_set(fault, ERR_CONFIG, "auth.jwt_public_key: %s: it has no \"%s\"", path,
                         begin);
    return err;
}

err_t
jwt_keys_read(const settings_t *settings, jwt_keys_t *self, fault_t *fault)
{
    err_t err = OK;
    self->issuer = settings->auth_jwt_issuer;
    self->audience = settings->auth_jwt_audience;
    if (settings->auth_jwt_secret[0] != '\0')
        err = read_secret(settings->auth_jwt_secret, &self->secret, fault);
    if (err == OK && settings->auth_jwt_public_key[0] != '\0')
        err = read_public_key(settings->auth_jwt_public_key, &self->public_key, fault);
    return err;
}

void
jwt_keys_release(jwt_keys_t *self)
{
    secret_release(&self->secret);
    secret_release(&self->public_key);
}

/*  --------------------------------------------------------------------- the signature  */

/*  Of the kind of signature that a token says it has; NULL: there is none for it.  */
static const buffer_t *
key_for(const jwt_keys_t *self, const char *algorithm, jwt_alg_t *kind)
{
    const struct {
        const char *name;
        jwt_alg_t kind;
        const buffer_t *key;
    } kinds[] = {
        {"HS256", JWT_ALG_HS256, &self->secret},
        {"RS256", JWT_ALG_RS256, &self->public_key},
    };
    for (size_t i = 0; i < COUNT_OF(kinds); i++) {
        *kind = kinds[i].kind;
        if (algorithm != NULL && strcmp(kinds[i].name, algorithm) == 0)
            return kinds[i].key->size > 0 ? kinds[i].key : NULL;
    }
    return NULL;
}

/*  What it claims, once its signature has proved good. The first look does not verify: it
    only tells which of our keys is the one to try.  */
static json_t *
read_claims(const jwt_keys_t *self, const char *token)
{
    jwt_t *unproved = NULL;
    jwt_t *proved = NULL;
    json_t *claims = NULL;
    jwt_alg_t kind = JWT_ALG_NONE;
    if (jwt_decode(&unproved, token, NULL, 0) != 0)
        return NULL;
    const buffer_t *key = key_for(self, jwt_get_header(unproved, "alg"), &kind);
    jwt_free(unproved);
    if (key == NULL || jwt_decode(&proved, token, key->data, (int) key->size) != 0)
        return NULL;
    char *text = jwt_get_alg(proved) == kind ? jwt_get_grants_json(proved, NULL) : NULL;
    if (text != NULL)
        claims = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    free(text);
    jwt_free(proved);
    return claims;
}

/*  ------------------------------------------------------------------------ the claims  */

static bool
is_text(const json_t *value, const char *expected)
{
    return json_is_string(value) && strcmp(json_string_value(value), expected) == 0;
}

/*  One text, or a list that has it.  */
static bool
names(const json_t *audience, const char *expected)
{
    for (size_t i = 0; i < json_array_size(audience); i++)
        if (is_text(json_array_get(audience, i), expected))
            return true;
    return is_text(audience, expected);
}

/*  Seconds since 1970. False if it is there and no plausible time.  */
static bool
read_time(const json_t *claims, const char *name, int64_t otherwise_ms, int64_t *ms)
{
    static const double latest = 1e11;
    const json_t *value = json_object_get(claims, name);
    *ms = otherwise_ms;
    if (value == NULL)
        return true;
    const double seconds = json_number_value(value);
    if (!json_is_number(value) || !(seconds > 0 && seconds < latest))
        return false;
    *ms = (int64_t) (seconds * 1000);
    return true;
}

static const char *
fault_in_times(const json_t *claims, int64_t wall_ms, identity_t *identity)
{
    int64_t not_before_ms = 0;
    if (!read_time(claims, "exp", 0, &identity->expires_ms)
        || !read_time(claims, "nbf", 0, &not_before_ms))
        return "its exp or nbf is no time";
    if (identity->expires_ms != 0 && identity->expires_ms <= wall_ms)
        return "it has expired";
    return not_before_ms > wall_ms ? "it is not valid yet" : NULL;
}

static const char *
fault_in_claims(const jwt_keys_t *self, const json_t *claims, int64_t wall_ms,
                identity_t *identity)
{
    const char *user = json_string_value(json_object_get(claims, "sub"));
    const size_t size = user ? strlen(user) : 0;
    if (size == 0 || size > USER_MAX)
        return "its sub is missing, or longer than 128 bytes";
    memcpy(identity->user, user, size + 1);
    if (self->issuer[0] != '\0' && !is_text(json_object_get(claims, "iss"), self->issuer))
        return "it is of another issuer";
    if (self->audience[0] != '\0' && !names(json_object_get(claims, "aud"), self->audience))
        return "it is for another audience";
    return fault_in_times(claims, wall_ms, identity);
}

bool
jwt_keys_judge(const jwt_keys_t *self, const char *token, int64_t wall_ms, identity_t *identity,
               const char **why)
{
    json_t *claims = read_claims(self, token);
    *why = claims ? fault_in_claims(self, claims, wall_ms, identity)
                  : "it is not signed as agreed";
    json_decref(claims);
    return *why == NULL;
}
