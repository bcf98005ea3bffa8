/*
 * Gives the hotp TA the key of RFC 4226, appendix D, and compares ten passwords with the RFC's.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <tee_client_api.h>

static const TEEC_UUID hotp_uuid = {
	0x3046cd1b, 0xf954, 0x4dfc, { 0x96, 0x6d, 0xd4, 0xaf, 0xf8, 0xfa, 0xe5, 0xe5 }
};

enum { CMD_REGISTER_SHARED_KEY, CMD_GET_HOTP };

static const uint32_t expected[] = {
	755224, 287082, 359152, 969429, 338314, 254676, 287922, 162583, 399871, 520489,
};

static void invoke(TEEC_Session *session, uint32_t command, TEEC_Operation *op)
{
	uint32_t origin;
	TEEC_Result res = TEEC_InvokeCommand(session, command, op, &origin);

	if (res != TEEC_SUCCESS)
		errx(1, "TEEC_InvokeCommand: 0x%x, origin %u", res, origin);
}

static void register_key(TEEC_Session *session, char *key)
{
	TEEC_Operation op;

	memset(&op, 0, sizeof(op));
	op.paramTypes = TEEC_PARAM_TYPES(TEEC_MEMREF_TEMP_INPUT, TEEC_NONE, TEEC_NONE, TEEC_NONE);
	op.params[0].tmpref.buffer = key;
	op.params[0].tmpref.size = strlen(key);
	invoke(session, CMD_REGISTER_SHARED_KEY, &op);
}

static uint32_t next_password(TEEC_Session *session)
{
	TEEC_Operation op;

	memset(&op, 0, sizeof(op));
	op.paramTypes = TEEC_PARAM_TYPES(TEEC_VALUE_OUTPUT, TEEC_NONE, TEEC_NONE, TEEC_NONE);
	invoke(session, CMD_GET_HOTP, &op);
	return op.params[0].value.a;
}

int main(void)
{
	TEEC_Context ctx;
	TEEC_Session session;
	char key[] = "12345678901234567890";
	uint32_t origin;
	TEEC_Result res;
	size_t i;

	res = TEEC_InitializeContext(NULL, &ctx);
	if (res != TEEC_SUCCESS)
		errx(1, "TEEC_InitializeContext: 0x%x", res);

	res = TEEC_OpenSession(&ctx, &session, &hotp_uuid, TEEC_LOGIN_PUBLIC, NULL, NULL, &origin);
	if (res != TEEC_SUCCESS)
		errx(1, "TEEC_OpenSession: 0x%x, origin %u", res, origin);

	register_key(&session, key);
	for (i = 0; i < sizeof(expected) / sizeof(expected[0]); i++) {
		uint32_t password = next_password(&session);

		printf("HOTP %zu: %06u\n", i, password);
		if (password != expected[i])
			errx(1, "RFC 4226 says %06u", expected[i]);
	}

	TEEC_CloseSession(&session);
	TEEC_FinalizeContext(&ctx);
	return 0;
}
