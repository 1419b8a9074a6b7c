@echo off
rem Installs Kravkoll from this folder, without network: install.cmd PLACE. Needs Python 3.13 or newer.
if "%~1"=="" (echo where to? install.cmd PLACE& exit /b 1)
set "PLACE=%~f1"
cd /d "%~dp0"
python -c "import sys; sys.exit(sys.version_info < (3, 13))" || (echo Kravkoll needs Python 3.13 or newer.& exit /b 1)
python -m venv "%PLACE%" || exit /b 1
"%PLACE%\Scripts\python" -m pip install --quiet --disable-pip-version-check --no-index --find-links wheels --require-hashes -r requirements.runtime.lock || exit /b 1
for %%W in (wheels\kravkoll-*.whl) do "%PLACE%\Scripts\python" -m pip install --quiet --disable-pip-version-check --no-index --no-deps "%%W" || exit /b 1
echo Installed. Start with: "%PLACE%\Scripts\kravkoll" demo
