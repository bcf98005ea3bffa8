/*
 * Has the random TA fill 16 bytes, and prints them.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <tee_client_api.h>

static const TEEC_UUID random_uuid = {
	0x5eaa4998, 0x8027, 0x4d83, { 0x82, 0x54, 0x1a, 0xae, 0x28, 0xcb, 0x14, 0xc1 }
};

enum { CMD_GENERATE };

int main(void)
{
	TEEC_Context ctx;
	TEEC_Session session;
	TEEC_Operation op;
	uint8_t bytes[16] = { 0 };
	uint32_t origin;
	TEEC_Result res;
	size_t i;

	res = TEEC_InitializeContext(NULL, &ctx);
	if (res != TEEC_SUCCESS)
		errx(1, "TEEC_InitializeContext: 0x%x", res);

	res = TEEC_OpenSession(&ctx, &session, &random_uuid, TEEC_LOGIN_PUBLIC, NULL, NULL, &origin);
	if (res != TEEC_SUCCESS)
		errx(1, "TEEC_OpenSession: 0x%x, origin %u", res, origin);

	memset(&op, 0, sizeof(op));
	op.paramTypes = TEEC_PARAM_TYPES(TEEC_MEMREF_TEMP_OUTPUT, TEEC_NONE, TEEC_NONE, TEEC_NONE);
	op.params[0].tmpref.buffer = bytes;
	op.params[0].tmpref.size = sizeof(bytes);
	res = TEEC_InvokeCommand(&session, CMD_GENERATE, &op, &origin);
	if (res != TEEC_SUCCESS)
		errx(1, "TEEC_InvokeCommand: 0x%x, origin %u", res, origin);

	printf("The TA's random bytes:");
	for (i = 0; i < op.params[0].tmpref.size; i++)
		printf(" %02x", bytes[i]);
	printf("\n");

	TEEC_CloseSession(&session);
	TEEC_FinalizeContext(&ctx);
	return 0;
}
