/*
 * Invokes the increment TA N times (default 10000) and prints how long one invocation took:
 * median, 99th percentile and mean, in microseconds.
 */
#define _POSIX_C_SOURCE 199309L
#include <err.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tee_client_api.h>
#include <time.h>

static const TEEC_UUID increment_uuid = {
	0x9ac00827, 0xe6e0, 0x43c6, { 0x96, 0xf9, 0xa6, 0x6b, 0x2e, 0x3a, 0xde, 0xa0 }
};

static double microseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * 1e6 + now.tv_nsec / 1e3;
}

static int compare(const void *left, const void *right)
{
	double difference = *(const double *)left - *(const double *)right;

	return (difference > 0) - (difference < 0);
}

static double invoke(TEEC_Session *session, TEEC_Operation *op)
{
	uint32_t expected = op->params[0].value.a + 1;
	uint32_t origin;
	double start = microseconds();
	TEEC_Result res = TEEC_InvokeCommand(session, 0, op, &origin);
	double took = microseconds() - start;

	if (res != TEEC_SUCCESS)
		errx(1, "TEEC_InvokeCommand: 0x%x, origin %u", res, origin);
	if (op->params[0].value.a != expected)
		errx(1, "the TA answers %u, not %u", op->params[0].value.a, expected);
	return took;
}

int main(int argc, char *argv[])
{
	long count = argc > 1 ? strtol(argv[1], NULL, 10) : 10000;
	TEEC_Context ctx;
	TEEC_Session session;
	TEEC_Operation op;
	uint32_t origin;
	TEEC_Result res;
	double *took, sum = 0;
	long i;

	if (count < 1 || count > 100000000)
		errx(2, "usage: %s [INVOCATIONS]", argv[0]);
	took = calloc(count, sizeof(*took));
	if (!took)
		err(1, "calloc");

	res = TEEC_InitializeContext(NULL, &ctx);
	if (res != TEEC_SUCCESS)
		errx(1, "TEEC_InitializeContext: 0x%x", res);
	res = TEEC_OpenSession(&ctx, &session, &increment_uuid, TEEC_LOGIN_PUBLIC, NULL, NULL,
			       &origin);
	if (res != TEEC_SUCCESS)
		errx(1, "TEEC_OpenSession: 0x%x, origin %u", res, origin);

	memset(&op, 0, sizeof(op));
	op.paramTypes = TEEC_PARAM_TYPES(TEEC_VALUE_INOUT, TEEC_NONE, TEEC_NONE, TEEC_NONE);
	for (i = 0; i < count; i++) {
		took[i] = invoke(&session, &op);
		sum += took[i];
	}
	qsort(took, count, sizeof(*took), compare);
	printf("%ld invocations: p50 %.2f us, p99 %.2f us, mean %.2f us\n", count,
	       took[count / 2], took[count - 1 - count / 100], sum / count);

	TEEC_CloseSession(&session);
	TEEC_FinalizeContext(&ctx);
	free(took);
	return 0;
}
