
/*
 * A text as tokens: words, numbers, white space and single characters, and
 * what a word means.  Owns nothing.  Runs in workers.
 */


#include "ngx_ess_datetime_token.h"
#include <ctype.h>


/* what a number is at most: beyond all that can be right */
#define NGX_ESS_DATETIME_TOKEN_LARGE  999999999


/* several words may mean the same */

typedef struct {
    const char              *name;
    int                      value;
} ngx_ess_datetime_token_word_t;


static size_t ngx_ess_datetime_token_span(u_char *p, u_char *last,
    ngx_uint_t *split);
static void ngx_ess_datetime_token_push(ngx_ess_datetime_tokens_t *d,
    u_char *p, size_t len);
static int ngx_ess_datetime_token_find(
    const ngx_ess_datetime_token_word_t *words, ngx_ess_datetime_token_t *t);


static const ngx_ess_datetime_token_word_t
    ngx_ess_datetime_token_jump_words[] = {
    { " ", 1 }, { ".", 1 }, { ",", 1 }, { ";", 1 }, { "-", 1 }, { "/", 1 },
    { "'", 1 }, { "at", 1 }, { "on", 1 }, { "and", 1 }, { "ad", 1 },
    { "m", 1 }, { "t", 1 }, { "of", 1 }, { "st", 1 }, { "nd", 1 }, { "rd", 1 },
    { "th", 1 }, { NULL, 0 }
};


static const ngx_ess_datetime_token_word_t
    ngx_ess_datetime_token_weekday_words[] = {
    { "mon", 0 }, { "monday", 0 }, { "tue", 1 }, { "tuesday", 1 },
    { "wed", 2 }, { "wednesday", 2 }, { "thu", 3 }, { "thursday", 3 },
    { "fri", 4 }, { "friday", 4 }, { "sat", 5 }, { "saturday", 5 },
    { "sun", 6 }, { "sunday", 6 }, { NULL, 0 }
};


static const ngx_ess_datetime_token_word_t
    ngx_ess_datetime_token_month_words[] = {
    { "jan", 1 }, { "january", 1 }, { "feb", 2 }, { "february", 2 },
    { "mar", 3 }, { "march", 3 }, { "apr", 4 }, { "april", 4 }, { "may", 5 },
    { "jun", 6 }, { "june", 6 }, { "jul", 7 }, { "july", 7 }, { "aug", 8 },
    { "august", 8 }, { "sep", 9 }, { "sept", 9 }, { "september", 9 },
    { "oct", 10 }, { "october", 10 }, { "nov", 11 }, { "november", 11 },
    { "dec", 12 }, { "december", 12 }, { NULL, 0 }
};


static const ngx_ess_datetime_token_word_t
    ngx_ess_datetime_token_unit_words[] = {
    { "h", 0 }, { "hour", 0 }, { "hours", 0 }, { "m", 1 }, { "minute", 1 },
    { "minutes", 1 }, { "s", 2 }, { "second", 2 }, { "seconds", 2 },
    { NULL, 0 }
};


static const ngx_ess_datetime_token_word_t
    ngx_ess_datetime_token_half_words[] = {
    { "am", 0 }, { "a", 0 }, { "pm", 1 }, { "p", 1 }, { NULL, 0 }
};


static const ngx_ess_datetime_token_word_t
    ngx_ess_datetime_token_utc_words[] = {
    { "utc", 1 }, { "gmt", 1 }, { "z", 1 }, { NULL, 0 }
};


ngx_int_t
ngx_ess_datetime_token_cut(ngx_ess_datetime_tokens_t *d, ngx_str_t *text)
{
    size_t       len, n;
    u_char      *p, *last;
    ngx_uint_t   split;

    if (text->len > NGX_ESS_DATETIME_TOKEN_MAX) {
        return NGX_DECLINED;
    }

    for (n = 0; n < text->len; n++) {

        if (text->data[n] == '\0' || text->data[n] >= 0x7f) {
            return NGX_DECLINED;
        }

        d->text[n] = isspace(text->data[n]) ? ' ' : text->data[n];
    }

    last = d->text + text->len;

    for (p = d->text; p < last; p += len) {
        len = ngx_ess_datetime_token_span(p, last, &split);

        if (!split) {
            ngx_ess_datetime_token_push(d, p, len);
            continue;
        }

        /* points in it are those of a date, or behind an abbreviation */

        for (n = 0; n < len; n += split) {

            for (split = 0; n + split < len; split++) {
                if (p[n + split] == '.' || p[n + split] == ',') {
                    break;
                }
            }

            split = ngx_max(split, 1);
            ngx_ess_datetime_token_push(d, p + n, split);
        }
    }

    return NGX_OK;
}


/* The length of a token; "split": points cut it into further ones. */

static size_t
ngx_ess_datetime_token_span(u_char *p, u_char *last, ngx_uint_t *split)
{
    u_char      *start;
    ngx_uint_t   letters, points, commas, is_word;

    start = p;
    *split = 0;

    if (!isalnum(*p)) {
        return 1;
    }

    letters = 0;
    points = 0;
    commas = 0;
    is_word = (isalpha(*p) != 0);
    letters = is_word;

    for (p++; p < last; p++) {

        if (*p == '.') {
            points++;

        } else if (*p == ',' && !is_word && points + commas == 0
                   && p - start >= 2)
        {
            commas++;

        } else if (isalpha(*p)) {

            if (!is_word && p[-1] != '.') {
                break;
            }

            is_word = 1;
            letters = 1;

        } else if (isdigit(*p)) {

            if (is_word && p[-1] != '.') {
                break;
            }

            is_word = 0;

        } else {
            break;
        }
    }

    *split = (points + commas
              && (letters || points > 1 || p[-1] == '.' || p[-1] == ','));

    if (!*split && commas && points == 0) {
        *ngx_strlchr(start, p, ',') = '.';
    }

    return p - start;
}


static void
ngx_ess_datetime_token_push(ngx_ess_datetime_tokens_t *d, u_char *p, size_t len)
{
    size_t                     i, digits, points;
    ngx_ess_datetime_token_t  *t;

    digits = 0;
    points = 0;

    for (i = 0; i < len; i++) {
        digits += (isdigit(p[i]) != 0);
        points += (p[i] == '.');
    }

    t = &d->list[d->n++];

    t->data = p;
    t->len = len;
    t->digits = (digits == len);
    t->number = (isdigit(*p) && digits + points == len && points < 2);
}


ngx_int_t
ngx_ess_datetime_token_int(u_char *p, size_t len, int *value)
{
    u_char     *start, *last;
    ngx_int_t   n;

    start = p;
    last = p + len;
    n = 0;

    for ( /* void */ ; p < last && isdigit(*p); p++) {
        n = ngx_min(n * 10 + (*p - '0'), NGX_ESS_DATETIME_TOKEN_LARGE);
    }

    *value = (int) n;

    return (p > start && (p == last || *p == '.')) ? NGX_OK : NGX_DECLINED;
}


int64_t
ngx_ess_datetime_token_fraction(u_char *p, size_t len)
{
    u_char   *last;
    int64_t   fraction, scale;

    last = p + len;
    p = ngx_strlchr(p, last, '.');

    if (p == NULL) {
        return 0;
    }

    fraction = 0;
    scale = NGX_ESS_DATETIME_TOKEN_SCALE / 10;

    for (p++; p < last && scale; p++) {
        fraction += (*p - '0') * scale;
        scale /= 10;
    }

    return fraction;
}


static int
ngx_ess_datetime_token_find(const ngx_ess_datetime_token_word_t *words,
    ngx_ess_datetime_token_t *t)
{
    for ( /* void */ ; words->name; words++) {
        if (ngx_strlen(words->name) == t->len
            && ngx_strncasecmp(t->data, (u_char *) words->name, t->len) == 0)
        {
            return words->value;
        }
    }

    return NGX_ESS_DATETIME_TOKEN_NONE;
}


ngx_uint_t
ngx_ess_datetime_token_is(ngx_ess_datetime_tokens_t *d, ngx_uint_t i,
    const char *text)
{
    ngx_ess_datetime_token_word_t  words[] = { { text, 1 }, { NULL, 0 } };

    return i < d->n && ngx_ess_datetime_token_find(words, &d->list[i]) == 1;
}


ngx_uint_t
ngx_ess_datetime_token_jumps(ngx_ess_datetime_tokens_t *d, ngx_uint_t i)
{
    return ngx_ess_datetime_token_find(ngx_ess_datetime_token_jump_words,
                                       &d->list[i])
           == 1;
}


int
ngx_ess_datetime_token_weekday(ngx_ess_datetime_token_t *t)
{
    return ngx_ess_datetime_token_find(ngx_ess_datetime_token_weekday_words, t);
}


int
ngx_ess_datetime_token_month(ngx_ess_datetime_token_t *t)
{
    return ngx_ess_datetime_token_find(ngx_ess_datetime_token_month_words, t);
}


int
ngx_ess_datetime_token_unit(ngx_ess_datetime_token_t *t)
{
    return ngx_ess_datetime_token_find(ngx_ess_datetime_token_unit_words, t);
}


int
ngx_ess_datetime_token_half(ngx_ess_datetime_token_t *t)
{
    return ngx_ess_datetime_token_find(ngx_ess_datetime_token_half_words, t);
}


ngx_uint_t
ngx_ess_datetime_token_utc(ngx_ess_datetime_token_t *t)
{
    return ngx_ess_datetime_token_find(ngx_ess_datetime_token_utc_words, t)
           == 1;
}


ngx_int_t
ngx_ess_datetime_token_unit_of(ngx_ess_datetime_tokens_t *d, ngx_uint_t i,
    ngx_uint_t *at)
{
    ngx_ess_datetime_token_t  *t;

    t = &d->list[i];

    if (i + 1 < d->n && ngx_ess_datetime_token_unit(&t[1]) >= 0) {
        *at = i + 1;
        return NGX_OK;
    }

    if (i + 2 < d->n && ngx_ess_datetime_token_is(d, i + 1, " ")
        && ngx_ess_datetime_token_unit(&t[2]) >= 0)
    {
        *at = i + 2;
        return NGX_OK;
    }

    if (i > 0 && ngx_ess_datetime_token_unit(t - 1) >= 0) {
        *at = i - 1;
        return NGX_OK;
    }

    if (i > 1 && i == d->n - 1 && ngx_ess_datetime_token_is(d, i - 1, " ")
        && ngx_ess_datetime_token_unit(t - 2) >= 0)
    {
        *at = i - 2;
        return NGX_OK;
    }

    return NGX_DECLINED;
}
