/*
 * What a unit did, as lines that can be read: fakes write them, and a test
 * says which ones there are to be.
 */


#ifndef _NGX_TRACE_H_INCLUDED_
#define _NGX_TRACE_H_INCLUDED_


void ngx_unit_trace_clear(void);

void ngx_unit_trace(const char *fmt, ...)
    __attribute__((format(printf, 1, 2)));

/* Lines that have the text in them. */
unsigned ngx_unit_trace_count(const char *text);

/* Since the last time there were these lines, in order, and no other ones;
   without one: none at all. */
#define ngx_unit_traced(...)                                                  \
    ngx_unit_trace_expect(__FILE__, __LINE__, ##__VA_ARGS__, NULL)

void ngx_unit_trace_expect(const char *file, int line, ...);


#endif /* _NGX_TRACE_H_INCLUDED_ */
