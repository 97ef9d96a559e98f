# Before the checkout, in a folder outside of it, through interpreters that are isolated (-I): a file of a branch
# cannot take the place of a module or a program.
home="$RUNNER_TEMP/elmify"
mkdir "$home"
cd "$home"
exact='^elmify(\[[a-z,]+\])? @ git\+https://[^ ]+@[0-9a-f]{40}$'
if ! [[ "$PACKAGE" =~ $exact ]]; then
  echo "::error title=elmify::Fill in PACKAGE at the top of this workflow, as in: elmify @ git+https://HOST/PATH@COMMIT (the URL of elmify's repository, and the 40 digits of the commit to install)."
  exit 1
fi
python -I -m venv "$home/venv"
"$home/venv/bin/python" -I -m pip install --quiet "$PACKAGE"
mkdir "$home/bin"
printf '#!/bin/sh\nexec "%s/python" -I "%s/elmify" "$@"\n' "$home/venv/bin" "$home/venv/bin" > "$home/bin/elmify"
chmod +x "$home/bin/elmify"
echo "$home/bin" >> "$GITHUB_PATH"
