
/*
 * JSON that others sent (RFC 8259), read strictly, where it lies: no tree, no
 * memory, spans into the text.  A text is read once, which checks all of it;
 * then it may be walked as often as one likes, across iterations of the event
 * loop, too, as long as it lies there.  Pure functions, but for the table of
 * ngx_ess_json_unique.h, so for workers' event loops, and not for threads.
 *
 * Refused: what the grammar has not (raw control characters in strings, 01,
 * a comma too many), what is deeper than the caller allows, and, where the
 * caller wants it, a member whose name its object has already.  A half of a
 * surrogate pair, \ud800, is in the grammar, and so accepted: it is refused by
 * who wants the string's text (ngx_ess_json_string.h).
 */


#ifndef _NGX_ESS_JSON_READ_H_INCLUDED_
#define _NGX_ESS_JSON_READ_H_INCLUDED_


#include <ngx_config.h>
#include <ngx_core.h>


/* objects and arrays in one another: of a text */
#define NGX_ESS_JSON_DEPTH       64

/* of one that is an event's body, or becomes one, and stays as it is */
#define NGX_ESS_JSON_BODY_DEPTH  512


typedef enum {
    NGX_ESS_JSON_NULL = 0,
    NGX_ESS_JSON_BOOLEAN,
    NGX_ESS_JSON_NUMBER,
    NGX_ESS_JSON_STRING,                    /* the quotes are in the span */
    NGX_ESS_JSON_ARRAY,
    NGX_ESS_JSON_OBJECT
} ngx_ess_json_type_e;


/* a value, as it stands in the text, without white space around it */

typedef struct {
    ngx_str_t                span;
    ngx_ess_json_type_e      type;
} ngx_ess_json_value_t;


/* one step of a path from a text's value to another one */

typedef struct {
    ngx_str_t                name;          /* of a member, without escapes */
    ngx_uint_t               index;         /* of an element; NGX_ERROR: the
                                               name is none */
} ngx_ess_json_step_t;


/* zeroed but for what the caller sets */

typedef struct {
    /* set by the caller */
    u_char                    *p;
    u_char                    *last;
    ngx_uint_t                 max_depth;
    unsigned                   unique:1;    /* a member twice is refused: of
                                               objects with more than 16, if
                                               it is among the first 8,192 of
                                               the text */
    unsigned                   seek:1;      /* the value at the end of these
                                               steps; of none, the text's */
    const ngx_ess_json_step_t *steps;
    ngx_uint_t                 nsteps;

    /* set by the reader */
    ngx_ess_json_value_t       found;       /* the one sought; if span.data is
                                               NULL, there is none */
    u_char                    *end;         /* brace or bracket that closed the
                                               outermost object or array */
    unsigned                   empty:1;     /* that has no members */
    unsigned                   control:1;   /* a string has a control
                                               character */
    unsigned                   twice:1;     /* a member is there twice */
    unsigned                   special:1;   /* a string has \u, or a number an
                                               exponent or very many digits:
                                               ngx_ess_json_portable() has
                                               something to look at */
    ngx_uint_t                 high;        /* not 0: a string has a byte that
                                               is not ASCII */
    ngx_uint_t                 depth;
} ngx_ess_json_read_t;


/* of the members or elements of a value; private to ngx_ess_json_read.c */

typedef struct {
    u_char                    *p;
    u_char                    *last;
    ngx_uint_t                 object;
} ngx_ess_json_walk_t;


/*
 * All of the text, with white space around it, if "text" is UTF-8, has unique
 * members and is at most NGX_ESS_JSON_DEPTH deep.  NGX_OK: "value" is what is
 * in it.  NGX_DECLINED, with *detail, if it is not NULL: static text.
 */
ngx_int_t ngx_ess_json_read(const ngx_str_t *text,
    ngx_ess_json_value_t *value, const char **detail);

/* The same, where the steps in "j" lead to the value: j->found. */
ngx_int_t ngx_ess_json_read_text(ngx_ess_json_read_t *j,
    const ngx_str_t *text, const char **detail);

/*
 * Goes behind a value, and white space before it.  That it is UTF-8 is the
 * caller's: "high" says if there is any to look at.  NGX_OK.  NGX_DECLINED:
 * there is none; "p" is at what is wrong, or within five bytes before "last"
 * where more text might mend it.
 */
ngx_int_t ngx_ess_json_read_value(ngx_ess_json_read_t *j);

/*
 * Begins with an array or object that has been read.  NGX_OK; NGX_DECLINED: it
 * is another type.
 */
ngx_int_t ngx_ess_json_read_open(ngx_ess_json_walk_t *walk,
    const ngx_ess_json_value_t *value);

/*
 * NGX_OK: the next member or element.  "name" is a member's, what is between
 * the quotes, with escapes; of an element it is empty.  NGX_DONE: there is none
 * any more.  Each value is gone through once more.  On a text that has not been
 * read it does no harm, but checks nothing.
 */
ngx_int_t ngx_ess_json_read_next(ngx_ess_json_walk_t *walk, ngx_str_t *name,
    ngx_ess_json_value_t *value);


#endif /* _NGX_ESS_JSON_READ_H_INCLUDED_ */
