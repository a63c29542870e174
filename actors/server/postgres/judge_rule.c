#include "actors/server/postgres/judge_rule.h"

#include <ctype.h>
#include <string.h>

static bool
is_word(char letter)
{
    return isalnum((unsigned char) letter) || letter == '_' || (unsigned char) letter >= 0x80;
}

/*  Length up to and with the closing quote, or to the end. A doubled quote closes nothing.  */
static size_t
quoted(const char *text, bool escapes)
{
    size_t i = 1;
    while (text[i] != '\0' && (text[i] != text[0] || text[i + 1] == text[0])) {
        const bool pair = text[i] == text[0] || (escapes && text[i] == '\\');
        i += pair && text[i + 1] != '\0' ? 2 : 1;
    }
    return text[i] == '\0' ? i : i + 1;
}

static size_t
until(const char *text, const char *end, size_t skip)
{
    const char *found = strstr(text + skip, end);
    return found ? (size_t) (found - text) + strlen(end) : strlen(text);
}

/*  They nest.  */
static size_t
comment(const char *text)
{
    size_t i = 0;
    size_t depth = 0;
    do {
        const bool opens = text[i] == '/' && text[i + 1] == '*';
        const bool closes = text[i] == '*' && text[i + 1] == '/';
        depth = depth + opens - closes;
        i += opens || closes ? 2 : 1;
    } while (depth > 0 && text[i] != '\0');
    return i;
}

/*  $$ ... $$ or $tag$ ... $tag$; 1 if it is neither.  */
static size_t
dollars(const char *text)
{
    char tag[66] = {0};
    size_t size = 1;
    while (is_word(text[size]))
        size++;
    if (text[size] != '$' || isdigit((unsigned char) text[1]) || size + 1 >= sizeof tag)
        return 1;
    memcpy(tag, text, size + 1);
    return until(text, tag, size + 1);
}

static bool
is_escaping(const char *condition, const char *at)
{
    return at > condition && (at[-1] == 'E' || at[-1] == 'e')
           && (at - 1 == condition || !is_word(at[-2]));
}

/*  How many letters from at on are to be left as they are.  */
static size_t
pass(const char *condition, const char *at)
{
    if (*at == '\'' || *at == '"')
        return quoted(at, *at == '\'' && is_escaping(condition, at));
    if (at[0] == '-' && at[1] == '-')
        return until(at, "\n", 2);
    if (at[0] == '/' && at[1] == '*')
        return comment(at);
    if (*at == '$' && (at == condition || !is_word(at[-1])))
        return dollars(at);
    return at[0] == ':' && at[1] == ':' ? 2 : 1;
}

void
judge_rule_write(buffer_t *sql, const char *condition, const char *user)
{
    static const char name[] = ":user_id";
    const size_t size = sizeof name - 1;
    for (const char *at = condition; *at != '\0';) {
        const bool names_user = strncmp(at, name, size) == 0 && !is_word(at[size]);
        const size_t passed = names_user ? size : pass(condition, at);
        if (names_user)
            buffer_add_text(sql, user);
        else
            buffer_add(sql, at, passed);
        at += passed;
    }
}
