/*
 * Writes an object, reads it back, deletes it; then creates a second object if it is absent and
 * deletes it if it is there, so that every other run finds what the run before left.
 */
#include <err.h>
#include <stdio.h>
#include <string.h>
#include <tee_client_api.h>

static const TEEC_UUID secure_storage_uuid = {
	0xc24b1c91, 0xc81c, 0x4fce, { 0xa9, 0xaa, 0x42, 0xea, 0xad, 0xdc, 0xa9, 0x7f }
};

enum { CMD_READ_RAW, CMD_WRITE_RAW, CMD_DELETE };

#define OBJECT_SIZE 7000

static TEEC_Result invoke(TEEC_Session *session, uint32_t command, const char *id,
			  uint32_t data_type, void *data, size_t *size)
{
	TEEC_Operation op;
	uint32_t origin;
	TEEC_Result res;

	memset(&op, 0, sizeof(op));
	op.paramTypes = TEEC_PARAM_TYPES(TEEC_MEMREF_TEMP_INPUT, data_type, TEEC_NONE, TEEC_NONE);
	op.params[0].tmpref.buffer = (void *)id;
	op.params[0].tmpref.size = strlen(id);
	if (data_type != TEEC_NONE) {
		op.params[1].tmpref.buffer = data;
		op.params[1].tmpref.size = *size;
	}
	res = TEEC_InvokeCommand(session, command, &op, &origin);
	if (res != TEEC_SUCCESS && res != TEEC_ERROR_ITEM_NOT_FOUND)
		errx(1, "TEEC_InvokeCommand %u: 0x%x, origin %u", command, res, origin);
	if (data_type != TEEC_NONE)
		*size = op.params[1].tmpref.size;
	return res;
}

static TEEC_Result read_object(TEEC_Session *session, const char *id, void *data, size_t *size)
{
	return invoke(session, CMD_READ_RAW, id, TEEC_MEMREF_TEMP_OUTPUT, data, size);
}

static void write_object(TEEC_Session *session, const char *id, const void *data, size_t size)
{
	if (invoke(session, CMD_WRITE_RAW, id, TEEC_MEMREF_TEMP_INPUT, (void *)data, &size))
		errx(1, "cannot write %s", id);
}

static void delete_object(TEEC_Session *session, const char *id)
{
	if (invoke(session, CMD_DELETE, id, TEEC_NONE, NULL, NULL))
		errx(1, "%s is not there", id);
}

static void write_read_delete(TEEC_Session *session)
{
	static uint8_t written[OBJECT_SIZE];
	static uint8_t found[OBJECT_SIZE];
	size_t size = sizeof(found);

	memset(written, 0xA1, sizeof(written));
	printf("object#1: write %zu bytes\n", sizeof(written));
	write_object(session, "object#1", written, sizeof(written));

	printf("object#1: read them back\n");
	if (read_object(session, "object#1", found, &size))
		errx(1, "object#1 is not there");
	if (size != sizeof(written) || memcmp(written, found, size))
		errx(1, "object#1 holds something else");

	printf("object#1: delete it\n");
	delete_object(session, "object#1");
}

static void create_or_delete(TEEC_Session *session)
{
	static const char text[] = "What the run before left.";
	char found[64];
	size_t size = sizeof(found);

	if (read_object(session, "object#2", found, &size)) {
		printf("object#2: not found, create it\n");
		write_object(session, "object#2", text, sizeof(text));
	} else {
		printf("object#2: found, delete it\n");
		delete_object(session, "object#2");
	}
}

int main(void)
{
	TEEC_Context ctx;
	TEEC_Session session;
	uint32_t origin;
	TEEC_Result res;

	res = TEEC_InitializeContext(NULL, &ctx);
	if (res != TEEC_SUCCESS)
		errx(1, "TEEC_InitializeContext: 0x%x", res);

	res = TEEC_OpenSession(&ctx, &session, &secure_storage_uuid, TEEC_LOGIN_PUBLIC, NULL, NULL,
			       &origin);
	if (res != TEEC_SUCCESS)
		errx(1, "TEEC_OpenSession: 0x%x, origin %u", res, origin);

	write_read_delete(&session);
	create_or_delete(&session);

	TEEC_CloseSession(&session);
	TEEC_FinalizeContext(&ctx);
	return 0;
}
