import {
  CircleDot,
  Hexagon,
  Keyboard,
  type LucideIcon,
  MousePointer2,
  Redo2,
  Square,
  Undo2,
  ZoomIn,
  ZoomOut,
} from "lucide-react";
import { useTranslation } from "react-i18next";
import { Button } from "@/components/ui/button";
import { Select } from "@/components/ui/input";
import { cn } from "@/lib/cn";

export type Tool = "select" | "rectangle" | "polygon" | "keypoints";

const TOOLS: [Tool, LucideIcon, string][] = [
  ["select", MousePointer2, "V"],
  ["rectangle", Square, "B"],
  ["polygon", Hexagon, "P"],
  ["keypoints", CircleDot, "K"],
];

interface ToolbarProps {
  tool: Tool;
  onTool: (tool: Tool) => void;
  zoom: number;
  onZoom: (zoom: number | "fit") => void;
  canUndo: boolean;
  canRedo: boolean;
  onUndo: () => void;
  onRedo: () => void;
  category: string;
  categories: string[];
  onCategory: (category: string) => void;
  onHelp: () => void;
  isReadOnly: boolean;
}

export function Toolbar(props: ToolbarProps) {
  const { t } = useTranslation("tasks");
  const { tool, onTool, zoom, onZoom, isReadOnly } = props;
  return (
    <div
      role="toolbar"
      aria-label={t("editor.tools")}
      className="flex flex-wrap items-center gap-1 border-b bg-card px-3 py-1.5"
    >
      {TOOLS.map(([name, Icon, key]) => (
        <IconButton
          key={name}
          label={t(`editor.tool.${name}`)}
          shortcut={key}
          icon={Icon}
          isPressed={tool === name}
          disabled={isReadOnly}
          onClick={() => onTool(name)}
        />
      ))}
      <Select
        aria-label={t("editor.category")}
        value={props.category}
        onChange={(event) => props.onCategory(event.target.value)}
        className="mx-2 h-8 w-auto max-w-44"
      >
        {props.categories.map((name) => (
          <option key={name}>{name}</option>
        ))}
      </Select>
      <IconButton
        label={t("editor.undo")}
        shortcut="Ctrl+Z"
        icon={Undo2}
        disabled={!props.canUndo || isReadOnly}
        onClick={props.onUndo}
      />
      <IconButton
        label={t("editor.redo")}
        shortcut="Ctrl+Shift+Z"
        icon={Redo2}
        disabled={!props.canRedo || isReadOnly}
        onClick={props.onRedo}
      />
      <span className="mx-1 h-5 border-l" aria-hidden="true" />
      <IconButton label={t("editor.zoomOut")} shortcut="-" icon={ZoomOut} onClick={() => onZoom(zoom / 1.25)} />
      <Button
        size="small"
        variant="ghost"
        onClick={() => onZoom("fit")}
        title={`${t("editor.fit")} (0)`}
        className="w-16 tabular-nums"
      >
        {t("editor.zoom", { percent: Math.round(zoom * 100) })}
      </Button>
      <IconButton label={t("editor.zoomIn")} shortcut="+" icon={ZoomIn} onClick={() => onZoom(zoom * 1.25)} />
      <span className="ml-auto" />
      <IconButton label={t("editor.shortcuts")} shortcut="?" icon={Keyboard} onClick={props.onHelp} />
    </div>
  );
}

interface IconButtonProps {
  label: string;
  shortcut: string;
  icon: LucideIcon;
  isPressed?: boolean;
  disabled?: boolean;
  onClick: () => void;
}

function IconButton({ label, shortcut, icon: Icon, isPressed, disabled = false, onClick }: IconButtonProps) {
  return (
    <Button
      variant="ghost"
      size="icon"
      aria-label={label}
      title={`${label} (${shortcut})`}
      {...(isPressed === undefined ? {} : { "aria-pressed": isPressed })}
      disabled={disabled}
      onClick={onClick}
      className={cn("size-8", isPressed && "bg-primary text-primary-foreground hover:bg-primary/90")}
    >
      <Icon aria-hidden />
    </Button>
  );
}
