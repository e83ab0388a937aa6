/** Hosts that run experiments. */
import { queryOptions } from "@tanstack/react-query";
import { api, type Schemas, unwrap } from "@/api/client";

export type Device = Schemas["Device"];
export type DeviceReport = Schemas["DeviceReport"];

const LOOK_MS = 5_000;

export const deviceQueries = {
  all: ["devices"] as const,
  list: () =>
    queryOptions({
      queryKey: deviceQueries.all,
      queryFn: async ({ signal }) => (await unwrap(api.GET("/api/devices", { signal }))).data,
      refetchInterval: LOOK_MS,
    }),
};

/** Let a host join; its key, which is told this once. */
export async function enrolDevice(hostId: string): Promise<Schemas["DeviceEnrolled"]> {
  return (await unwrap(api.POST("/api/devices", { body: { host_id: hostId } }))).data;
}

/** Take a host off the list; its key works no more. */
export async function removeDevice(hostId: string): Promise<void> {
  await unwrap(api.DELETE("/api/devices/{host_id}", { params: { path: { host_id: hostId } } }));
}
