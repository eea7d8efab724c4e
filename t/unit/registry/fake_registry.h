/*
 * What the registry stands on in its tests: a real stream table, with a store
 * and a source that answer when the test says so, and what it says.
 */


#ifndef _FAKE_REGISTRY_H_INCLUDED_
#define _FAKE_REGISTRY_H_INCLUDED_


#include "ngx_unit.h"
#include "ngx_ess_registry.h"
#include "ngx_ess_registry_upkeep.h"
#include "ngx_ess_store.h"


extern ngx_str_t                   key;
extern ngx_ess_zone_t             *zone;
extern ngx_ess_registry_op_t      *op;      /* the last one that began */

/* what waits for the source's answer, or NULL; keys given back */
extern ngx_ess_source_bind_t      *bound;
extern ngx_uint_t                  unbound;

/* what the handler was called with */
extern ngx_uint_t                  calls;
extern ngx_ess_registry_result_e   result;
extern char                        text[1024];
extern ngx_ess_stream_info_t       info;


int fake_setup(void **state);
int fake_teardown(void **state);

/* How many operations wait for the store; the oldest, which is of that type, is
   answered. */
ngx_uint_t waiting(void);
void store(ngx_ess_store_op_e type, ngx_int_t rc);

/* The source answers. */
void source(ngx_int_t rc, const char *words);

void handler(void *data, ngx_ess_registry_result_e r, ngx_ess_stream_info_t *i,
    const char *t);

/* A stream is begun; is created, with all that it takes. */
void create(uint64_t epoch, ngx_ess_source_options_t *declare);
void created(void);

/* Is there one that can be found? */
ngx_uint_t visible(void);


#endif /* _FAKE_REGISTRY_H_INCLUDED_ */
