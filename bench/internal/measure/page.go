package measure

import (
	"fmt"
	"os"
)

// WritePage writes a page to a file, or prints it when there is none.
func WritePage(file, page string) error {
	if file == "" {
		_, err := fmt.Print(page)
		return err
	}
	return os.WriteFile(file, []byte(page), 0o644)
}
