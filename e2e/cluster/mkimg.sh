# mkimg NAME:TAG ROOTFS ENTRYPOINT_JSON CMD_JSON OUT [STOPSIGNAL]: packs a folder into an image tar (docker archive) that
# `ctr images import` accepts. The same folder gives the same bytes.
mkimg() {
  local w d stop=
  w=$(mktemp -d)
  tar -C "$2" --owner=0 --group=0 --numeric-owner --sort=name --mtime=@0 -cf "$w/layer.tar" .
  d=$(sha256sum "$w/layer.tar" | cut -d' ' -f1)
  [ -z "${6:-}" ] || stop=",\"StopSignal\":\"$6\""
  echo "{\"architecture\":\"amd64\",\"os\":\"linux\",\"created\":\"1970-01-01T00:00:00Z\",\"config\":{\"Env\":[\"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin\"],\"Entrypoint\":$3,\"Cmd\":$4$stop},\"rootfs\":{\"type\":\"layers\",\"diff_ids\":[\"sha256:$d\"]},\"history\":[{\"created_by\":\"rig\"}]}" > "$w/config.json"
  echo "[{\"Config\":\"config.json\",\"RepoTags\":[\"$1\"],\"Layers\":[\"layer.tar\"]}]" > "$w/manifest.json"
  tar -C "$w" -cf "$5" manifest.json config.json layer.tar
  rm -rf "$w"
}
