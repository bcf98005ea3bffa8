/*
 * Opens a session with the hello_world TA and has it count 42 up, then down again.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <tee_client_api.h>

static const TEEC_UUID hello_world_uuid = {
	0xdbf76c89, 0x03c6, 0x4c5d, { 0x95, 0x39, 0x6e, 0xc9, 0x43, 0xe6, 0x36, 0x6f }
};

enum { CMD_INC_VALUE, CMD_DEC_VALUE };

static uint32_t count(TEEC_Session *session, uint32_t command, uint32_t value)
{
	TEEC_Operation op;
	uint32_t origin;
	TEEC_Result res;

	memset(&op, 0, sizeof(op));
	op.paramTypes = TEEC_PARAM_TYPES(TEEC_VALUE_INOUT, TEEC_NONE, TEEC_NONE, TEEC_NONE);
	op.params[0].value.a = value;

	res = TEEC_InvokeCommand(session, command, &op, &origin);
	if (res != TEEC_SUCCESS)
		errx(1, "TEEC_InvokeCommand: 0x%x, origin %u", res, origin);
	return op.params[0].value.a;
}

int main(void)
{
	TEEC_Context ctx;
	TEEC_Session session;
	uint32_t origin;
	uint32_t value = 42;
	TEEC_Result res;

	res = TEEC_InitializeContext(NULL, &ctx);
	if (res != TEEC_SUCCESS)
		errx(1, "TEEC_InitializeContext: 0x%x", res);

	res = TEEC_OpenSession(&ctx, &session, &hello_world_uuid, TEEC_LOGIN_PUBLIC, NULL, NULL,
			       &origin);
	if (res != TEEC_SUCCESS)
		errx(1, "TEEC_OpenSession: 0x%x, origin %u", res, origin);

	printf("The TA gets %u\n", value);
	value = count(&session, CMD_INC_VALUE, value);
	printf("The TA counted up to %u\n", value);
	value = count(&session, CMD_DEC_VALUE, value);
	printf("The TA counted down to %u\n", value);

	TEEC_CloseSession(&session);
	TEEC_FinalizeContext(&ctx);
	return 0;
}
