/* A client program that checks, from C, what libteec.so.2 promises. Exits 0 when all of it holds. */
#define _GNU_SOURCE 1
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tee_client_api.h>
#include <tee_client_api_extensions.h>
#include <unistd.h>
#include <sys/mman.h>

/* The stand-in TA's commands, as in tests/support/mod.rs. */
enum { INCREMENT, FLIP, SHORT, DIE, WAIT, DESCRIBE, CONVERSE, ALIAS, NOTHING };

_Static_assert(sizeof(TEEC_Context) == 8, "TEEC_Context");
_Static_assert(sizeof(TEEC_UUID) == 16, "TEEC_UUID");
_Static_assert(sizeof(TEEC_SharedMemory) == 56, "TEEC_SharedMemory");
_Static_assert(offsetof(TEEC_SharedMemory, imp.registered_fd) == 48, "registered_fd");
_Static_assert(sizeof(TEEC_Parameter) == 24, "TEEC_Parameter");
_Static_assert(sizeof(TEEC_Session) == 16, "TEEC_Session");
_Static_assert(sizeof(TEEC_Operation) == 112, "TEEC_Operation");
_Static_assert(offsetof(TEEC_Operation, imp.session) == 104, "session");

static int failures;

#define CHECK(condition)                                                                           \
	do {                                                                                       \
		if (!(condition)) {                                                                \
			failures++;                                                                \
			fprintf(stderr, "client.c:%d: %s\n", __LINE__, #condition);                \
		}                                                                                  \
	} while (0)

static const TEEC_UUID TA = {
	0x8aaaf200, 0x2450, 0x11e4, { 0xab, 0xe2, 0x00, 0x02, 0xa5, 0xd5, 0xc5, 0x1b }
};
static const TEEC_UUID NO_TA = { 1, 2, 3, { 4 } };

static TEEC_Context context;
static TEEC_Session session;

static TEEC_Result invoke(uint32_t command, TEEC_Operation *operation, uint32_t *origin)
{
	*origin = 0;
	return TEEC_InvokeCommand(&session, command, operation, origin);
}

static void check_arguments(void)
{
	TEEC_Session other;
	uint32_t origin = 0;
	uint32_t nobody = 0xfffffff0;

	CHECK(TEEC_InitializeContext(NULL, NULL) == TEEC_ERROR_BAD_PARAMETERS);
	CHECK(TEEC_InitializeContext("another TEE", &context) == TEEC_ERROR_ITEM_NOT_FOUND);
	CHECK(TEEC_InitializeContext("optee-tz", &context) == TEEC_SUCCESS);
	CHECK(context.imp.memref_null && context.imp.reg_mem);
	TEEC_FinalizeContext(&context);
	TEEC_FinalizeContext(NULL);
	CHECK(TEEC_InitializeContext(NULL, &context) == TEEC_SUCCESS);

	CHECK(TEEC_OpenSession(NULL, &other, &TA, TEEC_LOGIN_PUBLIC, NULL, NULL, &origin) ==
	      TEEC_ERROR_BAD_PARAMETERS);
	CHECK(origin == TEEC_ORIGIN_API);
	CHECK(TEEC_OpenSession(&context, &other, &NO_TA, TEEC_LOGIN_GROUP, &nobody, NULL,
			       &origin) == TEEC_ERROR_ITEM_NOT_FOUND);
	CHECK(origin == TEEC_ORIGIN_TEE);
	CHECK(TEEC_InvokeCommand(NULL, 0, NULL, &origin) == TEEC_ERROR_BAD_PARAMETERS);
	CHECK(origin == TEEC_ORIGIN_API);
	TEEC_CloseSession(NULL);
	TEEC_RequestCancellation(NULL);
	TEEC_ReleaseSharedMemory(NULL);
}

static void check_values(void)
{
	TEEC_Operation operation = { 0 };
	uint32_t origin;

	operation.paramTypes = TEEC_PARAM_TYPES(TEEC_VALUE_INOUT, TEEC_VALUE_INPUT,
						TEEC_VALUE_OUTPUT, TEEC_NONE);
	operation.params[0].value.a = 42;
	operation.params[1].value.a = 7;
	operation.params[2].value.b = 1;
	CHECK(invoke(INCREMENT, &operation, &origin) == TEEC_SUCCESS);
	CHECK(origin == TEEC_ORIGIN_TRUSTED_APP);
	CHECK(operation.params[0].value.a == 43 && operation.params[0].value.b == 1);
	CHECK(operation.params[1].value.a == 7);
	CHECK(operation.params[2].value.b == 2);
	CHECK(invoke(NOTHING, NULL, &origin) == TEEC_SUCCESS);
	CHECK(TEEC_InvokeCommand(&session, NOTHING, NULL, NULL) == TEEC_SUCCESS);
	CHECK(invoke(1234, NULL, &origin) == TEEC_ERROR_NOT_SUPPORTED);
	CHECK(origin == TEEC_ORIGIN_TRUSTED_APP);

	operation.paramTypes = 4;
	CHECK(invoke(NOTHING, &operation, &origin) == TEEC_ERROR_BAD_PARAMETERS);
	CHECK(origin == TEEC_ORIGIN_API);
}

static void check_temporary(void)
{
	TEEC_Operation operation = { 0 };
	unsigned char bytes[5] = { 1, 2, 3, 4, 5 };
	static const unsigned char constant[3] = { 9, 9, 9 };
	uint32_t origin;

	operation.paramTypes = TEEC_PARAM_TYPES(TEEC_MEMREF_TEMP_INOUT, TEEC_MEMREF_TEMP_INPUT,
						TEEC_MEMREF_TEMP_OUTPUT, TEEC_NONE);
	operation.params[0].tmpref.buffer = bytes;
	operation.params[0].tmpref.size = 4;
	operation.params[1].tmpref.buffer = (void *)constant;
	operation.params[1].tmpref.size = sizeof(constant);
	CHECK(invoke(FLIP, &operation, &origin) == TEEC_SUCCESS);
	CHECK(bytes[0] == 0xfe && bytes[3] == 0xfb && bytes[4] == 5);
	CHECK(operation.params[0].tmpref.size == 4);
	CHECK(operation.params[2].tmpref.size == 0);

	CHECK(invoke(SHORT, &operation, &origin) == TEEC_ERROR_SHORT_BUFFER);
	CHECK(origin == TEEC_ORIGIN_TRUSTED_APP);
	CHECK(operation.params[0].tmpref.size == 100);
	CHECK(operation.params[1].tmpref.size == 3);
	CHECK(operation.params[2].tmpref.size == 100);

	CHECK(invoke(NOTHING, &operation, &origin) == TEEC_ERROR_BAD_PARAMETERS);
	CHECK(origin == TEEC_ORIGIN_API);
}

static void check_registered(void)
{
	TEEC_Operation operation = { 0 };
	TEEC_SharedMemory memory = { 0 };
	TEEC_SharedMemory copy;
	unsigned char bytes[9000];
	uint32_t origin;

	CHECK(TEEC_RegisterSharedMemory(&context, NULL) == TEEC_ERROR_BAD_PARAMETERS);
	CHECK(TEEC_RegisterSharedMemory(&context, &memory) == TEEC_ERROR_BAD_PARAMETERS);
	memory.flags = TEEC_MEM_INPUT | 4;
	CHECK(TEEC_RegisterSharedMemory(&context, &memory) == TEEC_ERROR_BAD_PARAMETERS);
	memory.flags = TEEC_MEM_INPUT;
	CHECK(TEEC_RegisterSharedMemory(&context, &memory) == TEEC_ERROR_BAD_PARAMETERS);

	memset(bytes, 0x55, sizeof(bytes));
	memory.flags = TEEC_MEM_INPUT | TEEC_MEM_OUTPUT;
	memory.buffer = bytes;
	memory.size = sizeof(bytes);
	CHECK(TEEC_RegisterSharedMemory(&context, &memory) == TEEC_SUCCESS);

	operation.paramTypes = TEEC_PARAM_TYPES(TEEC_MEMREF_PARTIAL_INOUT, TEEC_NONE, TEEC_NONE,
						TEEC_NONE);
	operation.params[0].memref.parent = &memory;
	operation.params[0].memref.offset = 4000;
	operation.params[0].memref.size = 5000;
	CHECK(invoke(FLIP, &operation, &origin) == TEEC_SUCCESS);
	CHECK(bytes[3999] == 0x55 && bytes[4000] == 0xaa && bytes[8999] == 0xaa);

	operation.params[0].memref.size = 5001;
	CHECK(invoke(FLIP, &operation, &origin) == TEEC_ERROR_BAD_PARAMETERS);
	CHECK(origin == TEEC_ORIGIN_API);
	operation.params[0].memref.offset = SIZE_MAX;
	CHECK(invoke(FLIP, &operation, &origin) == TEEC_ERROR_BAD_PARAMETERS);

	operation.paramTypes = TEEC_MEMREF_WHOLE;
	CHECK(invoke(FLIP, &operation, &origin) == TEEC_SUCCESS);
	CHECK(bytes[0] == 0xaa && bytes[4000] == 0x55);
	CHECK(operation.params[0].memref.size == sizeof(bytes));

	memory.flags = TEEC_MEM_INPUT;
	operation.params[0].memref.size = 1;
	CHECK(invoke(FLIP, &operation, &origin) == TEEC_SUCCESS);
	CHECK(bytes[0] == 0xaa && operation.params[0].memref.size == 1);
	operation.paramTypes = TEEC_MEMREF_PARTIAL_OUTPUT;
	operation.params[0].memref.offset = 0;
	CHECK(invoke(FLIP, &operation, &origin) == TEEC_ERROR_BAD_PARAMETERS);
	CHECK(origin == TEEC_ORIGIN_API);

	copy = memory;
	TEEC_ReleaseSharedMemory(&memory);
	CHECK(memory.buffer == NULL);
	TEEC_ReleaseSharedMemory(&memory);
	operation.paramTypes = TEEC_MEMREF_PARTIAL_INPUT;
	operation.params[0].memref.parent = &copy;
	CHECK(invoke(FLIP, &operation, &origin) == TEEC_ERROR_BAD_PARAMETERS);
	CHECK(origin == TEEC_ORIGIN_COMMS);
}

static void *poke(void *buffer)
{
	*(volatile unsigned char *)buffer = 1;
	return NULL;
}

static void check_allocated(void)
{
	TEEC_Operation operation = { 0 };
	TEEC_SharedMemory memory = { .size = SIZE_MAX, .flags = TEEC_MEM_INPUT };
	pthread_t thread;
	uint32_t origin;
	int fd;

	CHECK(TEEC_AllocateSharedMemory(&context, &memory) == TEEC_ERROR_OUT_OF_MEMORY);
	memory.size = 0;
	CHECK(TEEC_AllocateSharedMemory(&context, &memory) == TEEC_SUCCESS);
	CHECK(memory.buffer != NULL && memory.size == 0);
	TEEC_ReleaseSharedMemory(&memory);

	memory.size = 2;
	memory.flags = TEEC_MEM_INPUT | TEEC_MEM_OUTPUT;
	CHECK(TEEC_AllocateSharedMemory(&context, &memory) == TEEC_SUCCESS);
	CHECK(pthread_create(&thread, NULL, poke, memory.buffer) == 0);
	operation.paramTypes = TEEC_MEMREF_WHOLE;
	operation.params[0].memref.parent = &memory;
	CHECK(invoke(CONVERSE, &operation, &origin) == TEEC_SUCCESS);
	CHECK(((unsigned char *)memory.buffer)[1] == 2);
	pthread_join(thread, NULL);
	TEEC_ReleaseSharedMemory(&memory);

	CHECK(TEEC_RegisterSharedMemoryFileDescriptor(&context, &memory, -1) ==
	      TEEC_ERROR_BAD_PARAMETERS);
	CHECK(TEEC_RegisterSharedMemoryFileDescriptor(&context, &memory, 0) ==
	      TEEC_ERROR_BAD_PARAMETERS);
	fd = memfd_create("client", MFD_ALLOW_SEALING);
	CHECK(ftruncate(fd, 4096) == 0);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
	CHECK(TEEC_RegisterSharedMemoryFileDescriptor(&context, &memory, fd) == TEEC_SUCCESS);
	CHECK(memory.size == 4096 && memory.buffer == NULL);
	CHECK(invoke(FLIP, &operation, &origin) == TEEC_SUCCESS);
	{
		unsigned char byte = 0;

		CHECK(pread(fd, &byte, 1, 4095) == 1 && byte == 0xff);
	}
	TEEC_ReleaseSharedMemory(&memory);
	close(fd);
}

static void *cancel(void *operation)
{
	usleep(1000);
	TEEC_RequestCancellation(operation);
	return NULL;
}

static void check_cancellation(void)
{
	TEEC_Operation operation = { 0 };
	pthread_t thread;
	uint32_t origin;

	TEEC_RequestCancellation(&operation);
	operation.imp.session = &session;
	CHECK(pthread_create(&thread, NULL, cancel, &operation) == 0);
	CHECK(invoke(WAIT, &operation, &origin) == TEEC_ERROR_CANCEL);
	pthread_join(thread, NULL);
}

static void check_death(void)
{
	TEEC_Operation operation = { 0 };
	uint32_t origin;

	operation.paramTypes = TEEC_VALUE_INOUT;
	operation.params[0].value.a = 5;
	CHECK(invoke(DIE, &operation, &origin) == TEEC_ERROR_TARGET_DEAD);
	CHECK(origin == TEEC_ORIGIN_TEE);
	CHECK(operation.params[0].value.a == 5);
	CHECK(invoke(NOTHING, &operation, &origin) == TEEC_ERROR_TARGET_DEAD);
	CHECK(origin == TEEC_ORIGIN_TEE);
}

void _dprintf(const char *function, int line, int level, const char *prefix, const char *fmt, ...);
void dump_buffer(const char *name, const uint8_t *buffer, size_t length);

int main(void)
{
	TEEC_Operation operation = { 0 };
	uint32_t origin = 0;

	check_arguments();
	operation.paramTypes = TEEC_VALUE_INOUT;
	operation.params[0].value.a = 99;
	CHECK(TEEC_OpenSession(&context, &session, &TA, TEEC_LOGIN_PUBLIC, NULL, &operation,
			       &origin) == TEEC_ERROR_ACCESS_DENIED);
	CHECK(origin == TEEC_ORIGIN_TRUSTED_APP && operation.params[0].value.a == 100);
	CHECK(TEEC_OpenSession(&context, &session, &TA, TEEC_LOGIN_USER, NULL, NULL, NULL) ==
	      TEEC_SUCCESS);
	check_values();
	check_temporary();
	check_registered();
	check_allocated();
	check_cancellation();
	check_death();
	TEEC_CloseSession(&session);
	CHECK(invoke(NOTHING, NULL, &origin) == TEEC_ERROR_BAD_PARAMETERS);
	CHECK(origin == TEEC_ORIGIN_COMMS);
	TEEC_FinalizeContext(&context);
	dump_buffer("name", (const uint8_t *)"bytes", 5);
	_dprintf(NULL, 0, 1, "TEEC", "%d %s %.1f %d %d %d\n", 1, "two", 3.0, 4, 5, 6);
	_dprintf("main", 7, 1, "TEEC", "done\n");
	return failures ? EXIT_FAILURE : EXIT_SUCCESS;
}
