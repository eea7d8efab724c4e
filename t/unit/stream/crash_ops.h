/*
 * A random mix of what is done to a zone, on that of crash_model.h.
 */


#ifndef _CRASH_OPS_H_INCLUDED_
#define _CRASH_OPS_H_INCLUDED_


#include "crash_model.h"


/* Does one thing, and says in the model what is under way. */
void crash_op(void);


#endif /* _CRASH_OPS_H_INCLUDED_ */
