/** The picture that a browser can show: the file itself, or a preview where it cannot read that. */
import { useEffect, useState } from "react";

export interface Picture {
  url: string;
  width: number;
  height: number;
}

export type PictureState = "loading" | "none" | Picture;

export function usePicture(image: string | null, preview: string | null): PictureState {
  const [found, setFound] = useState<{ image: string | null; picture: Picture | null } | null>(null);
  useEffect(() => {
    let isWanted = true;
    const look = async () => {
      const picture = (await loaded(image)) ?? (await loaded(preview));
      if (isWanted) setFound({ image, picture });
    };
    void look();
    return () => {
      isWanted = false;
    };
  }, [image, preview]);
  // Of the task before, until this one's is there.
  if (found === null || found.image !== image) return "loading";
  return found.picture ?? "none";
}

function loaded(url: string | null): Promise<Picture | null> {
  if (url === null) return Promise.resolve(null);
  return new Promise((resolve) => {
    const picture = new Image();
    picture.onload = () => resolve({ url, width: picture.naturalWidth, height: picture.naturalHeight });
    picture.onerror = () => resolve(null);
    picture.src = url;
  });
}
