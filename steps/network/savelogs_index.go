package network

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"time"

	"canton.example/svrescue/steps"
)

// logsFolder is where the logs lie among the artifacts of the run, and LogsIndex what they are.
const (
	logsFolder = "logs"
	LogsIndex  = logsFolder + "/index.json"
)

// logIndex is the document LogsIndex.
type logIndex struct {
	Version int        `json:"version"` // 1
	Made    time.Time  `json:"made"`
	Logs    []savedLog `json:"logs"`
	Missing []string   `json:"missing,omitempty"` // what could not be saved, sentences
	// Whole says that all logs were gone through; false: the copying ended on its way.
	Whole  bool `json:"whole"`
	digest string
}

// savedLog is one log: of a container of a pod of the participant.
type savedLog struct {
	File      string     `json:"file"` // below logs/, packed with gzip
	Namespace string     `json:"namespace"`
	Pod       string     `json:"pod"`
	UID       string     `json:"uid"`
	Node      string     `json:"node,omitempty"` // of the cluster
	Container string     `json:"container"`
	Previous  bool       `json:"previous,omitempty"` // of the container before the last restart
	Started   *time.Time `json:"started,omitempty"`  // when the running container did
	First     *time.Time `json:"first,omitempty"`    // time of the first lines, where they say it
	Bytes     int64      `json:"bytes"`              // of text
	Packed    int64      `json:"packed"`             // of the file
	SHA256    string     `json:"sha256"`             // of the text
	Saved     time.Time  `json:"saved"`
}

// readLogs reads the index. Its error says that there is none, or none that is whole.
func readLogs(files steps.FileReader) (logIndex, error) {
	index, err := partLogs(files)
	if err == nil && !index.Whole {
		err = fmt.Errorf("the copying ended on its way, after %d logs", len(index.Logs))
	}
	return index, err
}

// partLogs reads the index as it is, also where the copying ended on its way.
func partLogs(files steps.FileReader) (logIndex, error) {
	data, err := files.Read(LogsIndex)
	if err != nil {
		return logIndex{}, err
	}
	var index logIndex
	if err := json.Unmarshal(data, &index); err != nil || index.Version != 1 {
		return logIndex{}, fmt.Errorf("%s is not what this program writes", LogsIndex)
	}
	sum := sha256.Sum256(data)
	index.digest = hex.EncodeToString(sum[:])
	return index, nil
}

// opens returns how to read an artifact.
func opens(files steps.FileReader, name string) func() (io.ReadCloser, error) {
	return func() (io.ReadCloser, error) { return files.Open(name) }
}
