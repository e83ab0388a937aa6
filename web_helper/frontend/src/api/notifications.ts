/** Conflicts that devices ask people about. */
import { queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/api/client";

export type Notification = Schemas["Notification"];
export type Resolution = Schemas["Resolution"];

const LOOK_MS = 5_000;

export const notificationQueries = {
  all: ["notifications"] as const,
  list: (which: "pending" | "all") =>
    queryOptions({
      queryKey: [...notificationQueries.all, "list", which],
      queryFn: async ({ signal }) => {
        const params = { query: { pending: which === "pending" } };
        return (await unwrap(api.GET("/api/notifications", { params, signal }))).data;
      },
      refetchInterval: LOOK_MS,
    }),
  one: (id: number) =>
    queryOptions({
      queryKey: [...notificationQueries.all, "one", id],
      queryFn: async ({ signal }) => {
        const params = { path: { notification_id: id } };
        return (await unwrap(api.GET("/api/notifications/{notification_id}", { params, signal }))).data;
      },
    }),
};

/** Decide; the device carries it out. */
export async function answerNotification(id: number, resolution: Resolution): Promise<Notification> {
  const params = { path: { notification_id: id } };
  return (await unwrap(api.POST("/api/notifications/{notification_id}/answer", { params, body: { resolution } }))).data;
}
