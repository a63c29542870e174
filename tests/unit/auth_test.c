/*  Whom a bearer token belongs to, and which tokens and files are refused.  */

#include "actors/server/auth.h"
#include "actors/server/upgrade.h"
#include "tests/defaults.h"

#include <jwt.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { NOW_S = 1000, NOW_MS = NOW_S * 1000 };

static const char secret[] = "0123456789abcdef0123456789abcdef";

/*  Made for this test.  */
static const char private_key[] =
    "-----BEGIN RSA PRIVATE KEY-----\n"
    "MIIEpAIBAAKCAQEA9xBfu/RDjvIRsyeEDEJkKfKjoZaxhFovsOL3XwrbspTAMGf4\n"
    "oKkzO7BHM+Y9wFc0AtHfRadREhl6oanyU/en6b6Y26t3CX7nIU+DPeiPul/C6MTJ\n"
    "TGteQtwdQ95R7yIA/+AtYjqFvicmjXa54qNQogMdOmv/NKEaXPAaCxuhI1UnSKkk\n"
    "sr5P8XN07BoIrkYVbvWb8eiDUOt7Pi58o7bt6Z9lZn4WVmahU/qRaDUIEn8viVQ3\n"
    "JvDp3r8UYbtQ3wByZOeTMd3LvMhEMHmHR+W62XIXhCcA3d503L2ac4oNTj4fo2X4\n"
    "bu+Aui+jNGauuK7lmitkiznSDz17/FR6tjYPEwIDAQABAoIBAF5bcQyiAelGly7y\n"
    "gRKDiqigpBDTMjHnlb47OJmiVnzSJcJ2+vQ1Gr2Jme/+14etZk5LZDfAaox8kaLL\n"
    "eqLJ+2WgptWCm2BTiKdmrCuJNddKunBWs8CNYv8q/LxOXMF1HaebsQmKa0jPwAAY\n"
    "H28oy2NMyC1nUJ0DiEOFaZTjdPu+SjfRD46jWOP2+91pnAwDHSMdWxw+i2o+8G0E\n"
    "3U/Rd/EfEwsoAz6Eu4j27BvormoiWdoZ7WIRVvSa6hP/n+cl8klZGkQae1zI6NFz\n"
    "YT08WJ7dDycJ5xIYaAVlNS/yacfKRINZ0QaXxfY7XMoWW9U5vnkxpzD+7W6GW9TY\n"
    "A7f0c/UCgYEA/vyYZ53ZoZi7bDar8N8QaTbakv1BZzDzMB7i3Ips70gEIF9xrKGl\n"
    "DRouDj9thGpxZvfozceEo+ihxDAQYLzOS8wIuvdMKFvcmzBpvpA+jpeZOLi4U3Hp\n"
    "0gT/9BOquGOaFIr+yd5ir+FKyuSWEwq54l6UkPot4/FIdgio2Rw/NrUCgYEA+Au3\n"
    "93CuAeFHRIhuukDXH8ws6T4x89BKard9OjtZrTDBqJLZL/V38UW5nt+kPW2iYU6t\n"
    "8chf5GMyXEd6Cg7/5tAREAe/tyLgCPm3420sH0KvGrgXO4yOsCF/SMRTMk2cYndZ\n"
    "xjr+12IBmb9/TADJhXxxdGokuTAec/TOq+gIQ6cCgYB7KDncYiuJl6F+5PErSDI+\n"
    "/1WXBWeflc8AAQsGBn4THK+Ri0f2X6S+rVRtYUleWaMoXrk9Gw7/tA7eGXDvqIHj\n"
    "rkrRMzy/iY8GDd4lQrpUWPiSovW0qCKNZAjUNOOSZ9k17uSdUCJOXPyo/rtVuyqJ\n"
    "IbGUTKH5pMKg8BHNu4z0uQKBgQC8e+snU7BmLVGCeknprivKNdRKyMAcjUJ/JT87\n"
    "aK4UNOBzwGLZVqX16Q3L9BVRuGWTm74B5Ek5u0chaA8MZal/MsxEah78grvLFjbt\n"
    "0p+cgYedvhWpYn1qyYl3OfgeWWtkR10ojNvpvseIlUOd9Vss3As6cw3EyxPY+UWy\n"
    "y3a8MQKBgQD3/ID/JfsVSeflimgaXaYamBy89ETaO0AENCBXOAM8110ibFDQ5TIX\n"
    "jdBT9WC3IC1kzOxC4nzrOAlfvUAkdLPITgf4f3JFAPvWB8wTUmEgugP81lwdGtPU\n"
    "8gNL3CDjkJddqFdYZWccgomEe9HRRe+74YqAsZB5wGKOKFl6Mor/Dg==\n"
    "-----END RSA PRIVATE KEY-----\n";
static const char public_key[] =
    "-----BEGIN PUBLIC KEY-----\n"
    "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEA9xBfu/RDjvIRsyeEDEJk\n"
    "KfKjoZaxhFovsOL3XwrbspTAMGf4oKkzO7BHM+Y9wFc0AtHfRadREhl6oanyU/en\n"
    "6b6Y26t3CX7nIU+DPeiPul/C6MTJTGteQtwdQ95R7yIA/+AtYjqFvicmjXa54qNQ\n"
    "ogMdOmv/NKEaXPAaCxuhI1UnSKkksr5P8XN07BoIrkYVbvWb8eiDUOt7Pi58o7bt\n"
    "6Z9lZn4WVmahU/qRaDUIEn8viVQ3JvDp3r8UYbtQ3wByZOeTMd3LvMhEMHmHR+W6\n"
    "2XIXhCcA3d503L2ac4oNTj4fo2X4bu+Aui+jNGauuK7lmitkiznSDz17/FR6tjYP\n"
    "EwIDAQAB\n"
    "-----END PUBLIC KEY-----\n";

typedef struct place {
    char tokens[64], secret[64], key[64];
    settings_t settings;
    auth_t *auth;
    identity_t identity;
    fault_t fault;
} place_t;

/*  ------------------------------------------------------------------------- a place  */

static void
write_file(char path[64], const char *text, mode_t mode)
{
    if (path[0] == '\0') {
        strcpy(path, "/tmp/waybill-auth-XXXXXX");
        (void) close(mkstemp(path));
    }
    assert_int_equal(chmod(path, 0600), 0);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void) fputs(text, file);
    (void) fclose(file);
    assert_int_equal(chmod(path, mode), 0);
}

static int
make_place(void **state)
{
    place_t *place = mem_new(sizeof *place);
    place->settings = defaults;
    *state = place;
    return 0;
}

static int
remove_place(void **state)
{
    place_t *place = *state;
    const char *const paths[] = {place->tokens, place->secret, place->key};
    for (size_t i = 0; i < COUNT_OF(paths); i++)
        if (paths[i][0] != '\0')
            (void) unlink(paths[i]);
    auth_close(&place->auth);
    free(place);
    return 0;
}

static void
give_tokens(place_t *place, const char *text)
{
    write_file(place->tokens, text, 0600);
    place->settings.auth_tokens = place->tokens;
}

static void
give_secret(place_t *place)
{
    write_file(place->secret, secret, 0400);
    place->settings.auth_jwt_secret = place->secret;
}

static void
give_public_key(place_t *place)
{
    write_file(place->key, public_key, 0644);
    place->settings.auth_jwt_public_key = place->key;
}

static void
open_auth(place_t *place)
{
    auth_close(&place->auth);
    if (auth_open(&place->settings, &place->auth, &place->fault) != OK)
        fail_msg("%s", place->fault.text);
}

static void
refuse_to_open(place_t *place, const char *part)
{
    assert_int_equal(auth_open(&place->settings, &place->auth, &place->fault), ERR_CONFIG);
    assert_null(place->auth);
    if (strstr(place->fault.text, part) == NULL)
        fail_msg("%s", place->fault.text);
}

/*  NULL: nobody's.  */
static void
expect_user(place_t *place, const char *token, const char *user)
{
    const char *why = NULL;
    const bool good = auth_judge(place->auth, token, NOW_MS, &place->identity, &why);
    if (good != (user != NULL))
        fail_msg("%s: %s", token, why);
    if (good)
        assert_string_equal(place->identity.user, user);
}

/*  Signs claims; free() the token.  */
static char *
sign(jwt_alg_t algorithm, const char *key, const char *claims)
{
    jwt_t *jwt = NULL;
    assert_int_equal(jwt_new(&jwt), 0);
    assert_int_equal(jwt_add_grants_json(jwt, claims), 0);
    assert_int_equal(
        jwt_set_alg(jwt, algorithm, (const unsigned char *) key, key ? (int) strlen(key) : 0),
        0);
    char *token = jwt_encode_str(jwt);
    assert_non_null(token);
    jwt_free(jwt);
    return token;
}

static void
expect_claims(place_t *place, const char *claims, const char *user)
{
    char *token = sign(JWT_ALG_HS256, secret, claims);
    expect_user(place, token, user);
    free(token);
}

/*  --------------------------------------------------------------------- token files  */

static void
knows_nobody_where_nothing_is_configured(void **state)
{
    place_t *place = *state;
    open_auth(place);
    assert_false(auth_is_on(place->auth));
    expect_user(place, "", "");
    expect_user(place, "anything", "");
}

static void
knows_users_by_the_tokens_in_a_file(void **state)
{
    place_t *place = *state;
    give_tokens(place, "# who may come\n\nann  t-ann\r\nbob t-bob\nann t-ann-2");
    open_auth(place);
    assert_true(auth_is_on(place->auth));
    expect_user(place, "t-ann", "ann");
    expect_user(place, "t-ann-2", "ann");
    expect_user(place, "t-bob", "bob");
    expect_user(place, "", NULL);
    expect_user(place, "t-an", NULL);
    expect_user(place, "t-annt-ann", NULL);
    expect_user(place, "t-bob ", NULL);
    expect_user(place, "#", NULL);
    expect_user(place, "ann", NULL);
}

static void
does_not_start_with_a_token_file_that_makes_no_sense(void **state)
{
    static const char *const texts[] = {
        "",
        "\n\n",
        "# only this\n",
        "ann\n",
        "ann token extra\n",
        "ann t\nbob t\n",
        "ann t\n\xff\xfe x\n",
    };
    place_t *place = *state;
    for (size_t i = 0; i < COUNT_OF(texts); i++) {
        give_tokens(place, texts[i]);
        refuse_to_open(place, "auth.tokens");
    }
    place->settings.auth_tokens = "/nowhere/tokens";
    refuse_to_open(place, "/nowhere/tokens");
    place->settings.auth_tokens = "/tmp";
    refuse_to_open(place, "/tmp");
}

static void
does_not_start_with_a_secret_that_others_can_get_at(void **state)
{
    static const mode_t modes[] = {0640, 0604, 0620, 0644, 0666};
    place_t *place = *state;
    give_tokens(place, "ann t-ann\n");
    for (size_t i = 0; i < COUNT_OF(modes); i++) {
        assert_int_equal(chmod(place->tokens, modes[i]), 0);
        refuse_to_open(place, "0600");
    }
    assert_int_equal(chmod(place->tokens, 0400), 0);
    open_auth(place);
    give_secret(place);
    assert_int_equal(chmod(place->secret, 0644), 0);
    auth_close(&place->auth);
    refuse_to_open(place, "auth.jwt_secret");
}

static void
judges_the_file_that_a_link_leads_to(void **state)
{
    place_t *place = *state;
    char *link = NULL;
    give_tokens(place, "ann t-ann\n");
    link = mem_format("%s.link", place->tokens);
    assert_int_equal(symlink(place->tokens, link), 0);
    place->settings.auth_tokens = link;
    open_auth(place);
    expect_user(place, "t-ann", "ann");
    auth_close(&place->auth);
    assert_int_equal(chmod(place->tokens, 0644), 0);
    refuse_to_open(place, "0600");
    assert_int_equal(unlink(link), 0);
    refuse_to_open(place, link);
    free(link);
}

static void
does_not_start_with_a_file_that_others_can_replace(void **state)
{
    place_t *place = *state;
    char directory[] = "/tmp/waybill-auth-XXXXXX";
    assert_non_null(mkdtemp(directory));
    (void) snprintf(place->tokens, sizeof place->tokens, "%s/tokens", directory);
    place->settings.auth_tokens = place->tokens;
    FILE *file = fopen(place->tokens, "w");
    assert_non_null(file);
    (void) fclose(file);
    give_tokens(place, "ann t-ann\n");
    assert_int_equal(chmod(directory, 0777), 0);
    refuse_to_open(place, "others can replace it");
    assert_int_equal(chmod(directory, 01777), 0);
    open_auth(place);
    assert_int_equal(chmod(directory, 0775), 0);
    open_auth(place);
    assert_int_equal(unlink(place->tokens), 0);
    assert_int_equal(rmdir(directory), 0);
}

static void
says_nothing_of_a_token_in_what_it_complains(void **state)
{
    place_t *place = *state;
    give_tokens(place, "ann hush-hush\nbob hush-hush\n");
    refuse_to_open(place, ":2");
    assert_null(strstr(place->fault.text, "hush"));
}

/*  ---------------------------------------------------------------------- signed ones  */

static void
knows_users_by_tokens_that_were_signed(void **state)
{
    place_t *place = *state;
    give_secret(place);
    give_public_key(place);
    open_auth(place);
    char *shared = sign(JWT_ALG_HS256, secret, "{\"sub\":\"ann\",\"exp\":2000}");
    char *public = sign(JWT_ALG_RS256, private_key, "{\"sub\":\"bob\"}");
    expect_user(place, shared, "ann");
    assert_int_equal(place->identity.expires_ms, 2000000);
    expect_user(place, public, "bob");
    assert_int_equal(place->identity.expires_ms, 0);
    free(shared);
    free(public);
}

static void
refuses_other_signatures_than_agreed(void **state)
{
    static const char claims[] = "{\"sub\":\"ann\"}";
    place_t *place = *state;
    give_secret(place);
    open_auth(place);
    char *const tokens[] = {
        sign(JWT_ALG_NONE, NULL, claims),
        sign(JWT_ALG_HS256, "another secret another secret ..", claims),
        sign(JWT_ALG_HS384, secret, claims),
        sign(JWT_ALG_HS512, secret, claims),
        sign(JWT_ALG_RS256, private_key, claims),
    };
    for (size_t i = 0; i < COUNT_OF(tokens); i++) {
        expect_user(place, tokens[i], NULL);
        free(tokens[i]);
    }
    expect_user(place, "a.b.c", NULL);
    expect_user(place, "..", NULL);
}

static void
never_takes_a_public_key_for_a_secret(void **state)
{
    place_t *place = *state;
    give_public_key(place);
    open_auth(place);
    char *forged = sign(JWT_ALG_HS256, public_key, "{\"sub\":\"ann\"}");
    expect_user(place, forged, NULL);
    free(forged);
    give_secret(place);
    open_auth(place);
    forged = sign(JWT_ALG_HS256, public_key, "{\"sub\":\"ann\"}");
    expect_user(place, forged, NULL);
    free(forged);
}

static void
refuses_a_signed_token_with_another_letter(void **state)
{
    place_t *place = *state;
    give_secret(place);
    open_auth(place);
    char *token = sign(JWT_ALG_HS256, secret, "{\"sub\":\"ann\"}");
    char *letter = strchr(token, '.') + 2;
    *letter = *letter == 'a' ? 'b' : 'a';
    expect_user(place, token, NULL);
    free(token);
}

static void
refuses_claims_that_do_not_hold_now(void **state)
{
    place_t *place = *state;
    give_secret(place);
    open_auth(place);
    expect_claims(place, "{\"sub\":\"ann\",\"exp\":1001,\"nbf\":1000}", "ann");
    expect_claims(place, "{\"sub\":\"ann\",\"exp\":1000}", NULL);
    expect_claims(place, "{\"sub\":\"ann\",\"exp\":999}", NULL);
    expect_claims(place, "{\"sub\":\"ann\",\"exp\":\"2000\"}", NULL);
    expect_claims(place, "{\"sub\":\"ann\",\"exp\":-1}", NULL);
    expect_claims(place, "{\"sub\":\"ann\",\"exp\":1e300}", NULL);
    expect_claims(place, "{\"sub\":\"ann\",\"nbf\":1001}", NULL);
    expect_claims(place, "{\"exp\":2000}", NULL);
    expect_claims(place, "{\"sub\":\"\"}", NULL);
    expect_claims(place, "{\"sub\":7}", NULL);
}

static void
wants_the_issuer_and_the_audience_that_were_agreed(void **state)
{
    place_t *place = *state;
    give_secret(place);
    place->settings.auth_jwt_issuer = "us";
    place->settings.auth_jwt_audience = "waybill";
    open_auth(place);
    expect_claims(place, "{\"sub\":\"ann\",\"iss\":\"us\",\"aud\":\"waybill\"}", "ann");
    expect_claims(place, "{\"sub\":\"ann\",\"iss\":\"us\",\"aud\":[\"x\",\"waybill\"]}", "ann");
    expect_claims(place, "{\"sub\":\"ann\",\"iss\":\"us\"}", NULL);
    expect_claims(place, "{\"sub\":\"ann\",\"aud\":\"waybill\"}", NULL);
    expect_claims(place, "{\"sub\":\"ann\",\"iss\":\"them\",\"aud\":\"waybill\"}", NULL);
    expect_claims(place, "{\"sub\":\"ann\",\"iss\":\"us\",\"aud\":[\"x\"]}", NULL);
}

static void
does_not_start_with_keys_that_are_none(void **state)
{
    place_t *place = *state;
    write_file(place->secret, "short\n", 0600);
    place->settings.auth_jwt_secret = place->secret;
    refuse_to_open(place, "shorter than 32");
    place->settings.auth_jwt_secret = "";
    write_file(place->key, private_key, 0644);
    place->settings.auth_jwt_public_key = place->key;
    refuse_to_open(place, "PUBLIC KEY");
}

/*  ----------------------------------------------------------------------- a request  */

static void
takes_the_token_from_the_header_or_from_the_query(void **state)
{
    static const struct {
        const char *header, *query, *token; /* NULL: refused */
    } cases[] = {
        {"", "", ""},
        {"Bearer abc", "", "abc"},
        {"bearer abc", "token=other", "abc"},
        {"", "clientId=a&token=a.b%2Fc", "a.b/c"},
        {"Basic abc", "token=other", NULL},
        {"Bearer a b", "", NULL},
        {"", "token=%zz", NULL},
    };
    (void) state;
    for (size_t i = 0; i < COUNT_OF(cases); i++) {
        char token[TOKEN_MAX + 1];
        const net_upgrade_t upgrade = {.query = cases[i].query,
                                       .authorization = cases[i].header};
        assert_int_equal(upgrade_token(&upgrade, token), cases[i].token != NULL);
        if (cases[i].token != NULL)
            assert_string_equal(token, cases[i].token);
    }
}

#define WITH_PLACE(test) cmocka_unit_test_setup_teardown(test, make_place, remove_place)

int
main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_PLACE(knows_nobody_where_nothing_is_configured),
        WITH_PLACE(knows_users_by_the_tokens_in_a_file),
        WITH_PLACE(does_not_start_with_a_token_file_that_makes_no_sense),
        WITH_PLACE(does_not_start_with_a_secret_that_others_can_get_at),
        WITH_PLACE(judges_the_file_that_a_link_leads_to),
        WITH_PLACE(does_not_start_with_a_file_that_others_can_replace),
        WITH_PLACE(says_nothing_of_a_token_in_what_it_complains),
        WITH_PLACE(knows_users_by_tokens_that_were_signed),
        WITH_PLACE(refuses_other_signatures_than_agreed),
        WITH_PLACE(never_takes_a_public_key_for_a_secret),
        WITH_PLACE(refuses_a_signed_token_with_another_letter),
        WITH_PLACE(refuses_claims_that_do_not_hold_now),
        WITH_PLACE(wants_the_issuer_and_the_audience_that_were_agreed),
        WITH_PLACE(does_not_start_with_keys_that_are_none),
        cmocka_unit_test(takes_the_token_from_the_header_or_from_the_query),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
