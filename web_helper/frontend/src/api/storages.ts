/** Places for files: folders of the server's machine, and S3-compatible buckets. */
import { queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/api/client";

export type Storage = Schemas["Storage"];
export type StorageCreate = Schemas["StorageCreate"];
export type StorageChange = Schemas["StorageChange"];

// There are few.
const PER_PAGE = 200;

export const storageQueries = {
  all: ["storages"] as const,
  list: () =>
    queryOptions({
      queryKey: storageQueries.all,
      queryFn: async ({ signal }) =>
        (await unwrap(api.GET("/v2/storages/", { signal, params: { query: { per_page: PER_PAGE, sort: "id" } } })))
          .data,
    }),
};

export async function createStorage(body: StorageCreate): Promise<Storage> {
  return (await unwrap(api.POST("/v2/storages/", { body }))).data;
}

export async function changeStorage({ id, ...body }: StorageChange & { id: number }): Promise<Storage> {
  return (await unwrap(api.PATCH("/v2/storages/{item_id}/", { params: { path: { item_id: id } }, body }))).data;
}

export async function deleteStorage(id: number): Promise<void> {
  await unwrap(api.DELETE("/v2/storages/{item_id}/", { params: { path: { item_id: id } } }));
}
