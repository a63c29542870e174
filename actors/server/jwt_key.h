/*  jwt_key - tokens that somebody else has signed, and the keys that prove it.  */

#pragma once

#include "actors/server/auth.h"

/*  Which signature a token says it has decides nothing: each kind is checked with its own
    key, and a kind without a key is refused. So a public key never becomes a secret.  */
typedef struct jwt_keys {
    buffer_t secret;      /* HS256; empty: none */
    buffer_t public_key;  /* RS256, PEM; empty: none */
    const char *issuer;   /* empty: any */
    const char *audience; /* empty: any */
} jwt_keys_t;

CHECKED err_t jwt_keys_read(const settings_t *settings, jwt_keys_t *self, fault_t *fault);
void jwt_keys_release(jwt_keys_t *self);
bool jwt_keys_judge(const jwt_keys_t *self, const char *token, int64_t wall_ms,
                    identity_t *identity, const char **why);
