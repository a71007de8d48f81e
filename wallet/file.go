package wallet

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"
)

// maxFile bounds what is read of a key file, in bytes. The largest, an Ansible
// vault with a phrase of 24 words, has about 3000.
const maxFile = 64 << 10

// readFile reads a key file. Only regular files are read, also through links:
// opening or reading a pipe or a device could wait forever.
func readFile(path string) ([]byte, fs.FileInfo, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, nil, cause(err)
	}
	if err := checkFile(info); err != nil {
		return nil, nil, err
	}
	// The file may have become another since.
	file, err := os.OpenFile(path, os.O_RDONLY|syscall.O_NONBLOCK, 0)
	if err != nil {
		return nil, nil, cause(err)
	}
	defer file.Close()
	if info, err = file.Stat(); err != nil {
		return nil, nil, cause(err)
	}
	if err := checkFile(info); err != nil {
		return nil, nil, err
	}
	content, err := io.ReadAll(io.LimitReader(file, maxFile+1))
	if err != nil {
		return nil, nil, cause(err)
	}
	if len(content) > maxFile {
		return nil, nil, errTooLarge
	}
	return content, info, nil
}

var errTooLarge = fmt.Errorf("the file is larger than %d KiB: that is no key", maxFile>>10)

func checkFile(info fs.FileInfo) error {
	switch {
	case info.IsDir():
		return errors.New("this is a folder, not a key file")
	case !info.Mode().IsRegular():
		return errors.New("this is not a regular file")
	case info.Size() > maxFile:
		return errTooLarge
	default:
		return nil
	}
}

// cause is an error of package os without the path, which the caller adds.
func cause(err error) error {
	if pathError, ok := errors.AsType[*fs.PathError](err); ok {
		return pathError.Err
	}
	return err
}

// writeFile writes a file that only its owner may read. At any time there is
// nothing under its name, or the old content, or all of the new. Unless it is to
// overwrite, what is there stays, and the error is fs.ErrExist.
func writeFile(path string, content []byte, overwrite bool) (err error) {
	dir := filepath.Dir(path)
	file, err := os.CreateTemp(dir, "."+filepath.Base(path)+".*.tmp") // with mode 0600
	if err != nil {
		return cause(err)
	}
	defer func() {
		if err != nil {
			_ = os.Remove(file.Name())
		}
	}()
	_, err = file.Write(content)
	if err == nil {
		err = file.Sync()
	}
	if closeErr := file.Close(); err == nil {
		err = closeErr
	}
	if err != nil {
		return cause(err)
	}
	if err := publish(file.Name(), path, overwrite); err != nil {
		return err
	}
	return syncFolder(dir)
}

// publish gives a file its final name. A link, unlike a renamed file, never
// replaces what is there.
func publish(temporary, path string, overwrite bool) error {
	if !overwrite {
		err := os.Link(temporary, path)
		if err == nil {
			return os.Remove(temporary)
		}
		if errors.Is(err, fs.ErrExist) {
			return fs.ErrExist
		}
		// A file system without links.
		switch _, err := os.Lstat(path); {
		case err == nil:
			return fs.ErrExist
		case !errors.Is(err, fs.ErrNotExist):
			return cause(err)
		}
	}
	if err := os.Rename(temporary, path); err != nil {
		if linkError, ok := errors.AsType[*os.LinkError](err); ok {
			return linkError.Err
		}
		return err
	}
	return nil
}

// syncFolder makes a new name in a folder survive a crash, where the system can.
func syncFolder(dir string) error {
	folder, err := os.Open(dir)
	if err != nil {
		return cause(err)
	}
	defer folder.Close()
	if err := folder.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EINVAL) {
		return cause(err)
	}
	return nil
}
