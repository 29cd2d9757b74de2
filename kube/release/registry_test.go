package release

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"canton.example/svrescue/kube"
)

// packed is a chart as `helm pull` leaves it.
func packed(t *testing.T, name, version string) []byte {
	t.Helper()
	var out bytes.Buffer
	z := gzip.NewWriter(&out)
	w := tar.NewWriter(z)
	for file, text := range map[string]string{
		"Chart.yaml":         "apiVersion: v2\nname: " + name + "\nversion: " + version + "\n",
		"templates/map.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: {{ .Release.Name }}}\ndata: {said: {{ .Values.said | quote }}}\n",
	} {
		if err := w.WriteHeader(&tar.Header{Name: name + "/" + file, Mode: 0o600, Size: int64(len(text))}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	if err := errors.Join(w.Close(), z.Close()); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// oci serves one chart as a registry does (OCI distribution: manifests by tag, blobs by digest). damage changes what a blob holds.
func oci(t *testing.T, path, tag string, chart []byte, damage bool) string {
	t.Helper()
	digest := func(data []byte) string {
		sum := sha256.Sum256(data)
		return "sha256:" + hex.EncodeToString(sum[:])
	}
	config := []byte(`{"name":"x","version":"0.0.1","apiVersion":"v2"}`)
	descriptor := func(kind string, data []byte) map[string]any {
		return map[string]any{"mediaType": kind, "digest": digest(data), "size": len(data)}
	}
	manifest, err := json.Marshal(map[string]any{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
		"config": descriptor("application/vnd.cncf.helm.config.v1+json", config),
		"layers": []any{descriptor("application/vnd.cncf.helm.chart.content.v1.tar+gzip", chart)}})
	if err != nil {
		t.Fatal(err)
	}
	blobs := map[string][]byte{digest(config): config, digest(chart): bytes.Clone(chart)}
	if damage {
		blobs[digest(chart)][20] ^= 1
	}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch rest, _ := strings.CutPrefix(r.URL.Path, "/v2/"+path); {
		case rest == "/manifests/"+tag, rest == "/manifests/"+digest(manifest):
			w.Header().Set("Content-Type", "application/vnd.oci.image.manifest.v1+json")
			w.Header().Set("Docker-Content-Digest", digest(manifest))
			w.Write(manifest)
		case blobs[strings.TrimPrefix(rest, "/blobs/")] != nil:
			w.Write(blobs[strings.TrimPrefix(rest, "/blobs/")])
		default:
			http.Error(w, `{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}`, http.StatusNotFound)
		}
	}))
	t.Cleanup(server.Close)
	return "oci://" + strings.TrimPrefix(server.URL, "http://") + "/" + path
}

func TestPull(t *testing.T) {
	chart := packed(t, "splice-validator", "0.6.4")
	at := oci(t, "helm/splice-validator", "0.6.4", chart, false)
	got, err := Registry{}.Pull(t.Context(), at, "0.6.4")
	if err != nil || !bytes.Equal(got, chart) {
		t.Fatalf("%d bytes, %v", len(got), err)
	}
	c, err := ReadChart(at, got)
	if err != nil || c.String() != "splice-validator 0.6.4" {
		t.Fatalf("%v, %v", c, err)
	}
	values, err := ReadValues([]byte("said: yes"))
	if err != nil {
		t.Fatal(err)
	}
	rendered, err := c.Render(t.Context(), "validator", "v", values, kube.Offers{Version: "v1.35.1", Major: "1", Minor: "35", APIs: []string{"v1"}})
	if err != nil || !strings.Contains(rendered.Manifest.Reveal(), `said: "true"`) {
		t.Errorf("%v, %v", rendered.Manifest.Reveal(), err)
	}
}

// Whatever is not the chart that was asked for is refused, in a sentence.
func TestPullRefused(t *testing.T) {
	chart := packed(t, "splice-validator", "0.6.4")
	good := oci(t, "helm/splice-validator", "0.6.4", chart, false)
	for _, c := range []struct{ name, at, version, says string }{
		{"another version", good, "0.6.5", "0.6.5"},
		{"no version", good, "", "no version is named"},
		{"another chart", oci(t, "helm/splice-scan", "0.6.4", chart, false), "0.6.4", "splice-validator 0.6.4 and not what was asked for"},
		{"a tag that lies", oci(t, "helm/splice-validator", "0.6.6", chart, false), "0.6.6", "splice-validator 0.6.4 and not what was asked for"},
		{"damaged on the way", oci(t, "helm/splice-validator", "0.6.4", chart, true), "0.6.4", "could not be fetched"},
		{"no chart", oci(t, "helm/splice-validator", "0.6.4", []byte("this is no chart but it is long"), false), "0.6.4", "not a chart"},
		{"no address", "https://example.com/chart", "0.6.4", "no address of a chart"},
		{"a password in it", "oci://me:secret@example.com/chart", "0.6.4", "no address of a chart"},
		{"nobody there", "oci://127.0.0.1:1/helm/splice-validator", "0.6.4", "could not be fetched"},
	} {
		t.Run(c.name, func(t *testing.T) {
			_, err := Registry{}.Pull(t.Context(), c.at, c.version)
			var unfetched *Unfetched
			if !errors.As(err, &unfetched) || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), ":secret") {
				t.Errorf("err = %v", err)
			}
		})
	}
	ctx, stop := context.WithCancel(t.Context())
	stop()
	if _, err := (Registry{}).Pull(ctx, good, "0.6.4"); !errors.Is(err, context.Canceled) {
		t.Errorf("canceled: %v", err)
	}
}
